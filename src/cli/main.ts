#!/usr/bin/env node
import { Command } from 'commander'
import { commands } from './commands.ts'
import { exitCodes, type Failure, failureOf } from './failure.ts'
import { NobodyReads } from './log/lines.ts'

const help = `
Examples:
  $ naru start                                  a broker on localhost:9092
  $ naru topic create orders --partitions 3
  $ echo 'hello' | naru produce orders
  $ naru consume orders --from beginning --exit

Any Kafka client works too: kcat -b localhost:9092 -L
'naru COMMAND --help' tells more. NARU_BOOTSTRAP names another broker than localhost:9092.
Exit codes: 0 done, 1 failed or found something wrong, 2 wrong command line, 3 no broker answers.
`

async function main(args: readonly string[]): Promise<void> {
  const wanted = args[0] === 'help' ? args[1] : args[0]
  const program = new Command('naru')
    .description('Naru: a message queue that any Kafka client can use.')
    .version((await import('../run/version.ts')).version, '-V, --version', 'print the version')
    .addHelpText('after', help)
    .addHelpCommand(new Command('help').argument('[command]').description('tell about a command').helpGroup('More:'))
    .showHelpAfterError("('naru --help' lists the commands)")
  for (const [name, { description, group, load }] of Object.entries(commands)) {
    if (name === wanted) program.addCommand(await load())
    else program.command(name).description(description).helpGroup(group)
  }
  throwInsteadOfExit(program, '')
  await program.parseAsync(args, { from: 'user' })
}

/** So that every end, a mistyped flag's too, takes one way: `report`. */
function throwInsteadOfExit(command: Command, path: string): void {
  const name = path === '' ? command.name() : `${path} ${command.name()}`
  command.exitOverride()
  if (path !== '') command.showHelpAfterError(`('${name} --help' tells more)`)
  for (const child of command.commands) throwInsteadOfExit(child, name)
}

function report({ message, hint, exitCode }: Failure): void {
  if (message !== '') process.stderr.write(`naru: ${message}\n${hint ? `${hint}\n` : ''}`)
  process.exitCode = exitCode
}

/** Whoever reads our output may stop reading: that is how `naru consume orders | head` ends. */
for (const stream of [process.stdout, process.stderr])
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error
    process.exitCode ??= exitCodes.ok
  })

main(process.argv.slice(2)).catch(error => {
  if (!(error instanceof NobodyReads)) report(failureOf(error))
})
