#!/usr/bin/env node
import { Command } from 'commander'
import { type Failure, failureOf } from './failure.ts'

/** Each command's module is loaded only when it is the one that runs: `naru start` must not wait for the others. */
const commands: Record<string, { description: string; load(): Promise<Command> }> = {
  start: {
    description: 'run a broker in the foreground',
    load: async () => (await import('./start.ts')).startCommand()
  },
  topic: {
    description: 'create, list, describe and delete topics',
    load: async () => (await import('./topic.ts')).topicCommand()
  },
  produce: {
    description: 'send records from files or standard input',
    load: async () => (await import('./produce.ts')).produceCommand()
  },
  consume: {
    description: 'print the records of a topic',
    load: async () => (await import('./consume.ts')).consumeCommand()
  },
  group: {
    description: 'list, describe and delete consumer groups',
    load: async () => (await import('./group.ts')).groupCommand()
  }
}

const help = `
Examples:
  $ naru start                                  a broker on localhost:9092
  $ naru topic create orders --partitions 3
  $ echo 'hello' | naru produce orders
  $ naru consume orders --from beginning --exit

Any Kafka client works too: kcat -b localhost:9092 -L
'naru COMMAND --help' tells more. NARU_BOOTSTRAP names another broker than localhost:9092.
`

async function main(args: readonly string[]): Promise<void> {
  const wanted = args[0] === 'help' ? args[1] : args[0]
  const program = new Command('naru')
    .description('Naru: a message queue that any Kafka client can use.')
    .version((await import('./version.ts')).version, '-V, --version', 'print the version')
    .addHelpText('after', help)
    .showHelpAfterError("('naru --help' lists the commands)")
  for (const [name, { description, load }] of Object.entries(commands)) {
    if (name === wanted) program.addCommand(await load())
    else program.command(name).description(description)
  }
  await program.parseAsync(args, { from: 'user' })
}

function report({ message, hint, exitCode }: Failure): void {
  process.stderr.write(`naru: ${message}\n${hint ? `${hint}\n` : ''}`)
  process.exitCode = exitCode
}

/** Whoever reads our output may stop reading: that is how `naru consume orders | head` ends. */
for (const stream of [process.stdout, process.stderr])
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error
    process.exitCode ??= 0
  })

main(process.argv.slice(2)).catch(error => report(failureOf(error)))
