import { Argument, Command } from 'commander'
import { listTopics } from '../client/admin.ts'
import { listConfigResources } from '../client/admin-configs.ts'
import { listGroups } from '../client/admin-groups.ts'
import type { Cluster } from '../client/cluster.ts'
import { type ClientFlags, withClientFlags, withCluster } from './client.ts'
import { scripts } from './completion/shells.ts'
import { commandTree } from './completion/tree.ts'

/** Who waits for a completion waits no longer. */
const patienceMs = 1500

/** `naru completion`. */
export function completionCommand(): Command {
  const command = new Command('completion').description('Print the script with which a shell completes naru.')
  for (const shell of Object.keys(scripts))
    command.addCommand(
      new Command(shell).description(`Print the script for ${shell}.`).action(async () => {
        process.stdout.write(scripts[shell](await commandTree()))
      })
    )
  return command.addCommand(names(), { hidden: true }).addHelpText(
    'after',
    `
Names of topics and groups come from the broker, where it answers at once.

Examples:
  $ eval "$(naru completion bash)"                 in ~/.bashrc
  $ eval "$(naru completion zsh)"                  in ~/.zshrc, after compinit
  $ naru completion fish | source                  in ~/.config/fish/config.fish
`
  )
}

const listers: Readonly<Record<string, (cluster: Cluster) => Promise<string[]>>> = {
  topics: async cluster => (await listTopics(cluster)).map(({ name }) => name),
  groups: async cluster => (await listGroups(cluster)).map(({ groupId }) => groupId),
  resources: async cluster => [
    'brokers',
    ...(await listConfigResources(cluster)).map(({ type, name }) => `${type}/${name}`)
  ]
}

/** What the scripts ask for: names, one a line; nothing when no broker answers in time. */
function names(): Command {
  return withClientFlags(new Command('names'))
    .addArgument(new Argument('<kind>').choices(Object.keys(listers)))
    .action(async (kind: string, flags: ClientFlags) => {
      const asked = withCluster(flags, listers[kind]).catch((): string[] => [])
      const late = new Promise<string[]>(resolve => setTimeout(resolve, patienceMs, []))
      for (const name of await Promise.race([asked, late])) process.stdout.write(`${name}\n`)
      // The connection that is still being opened must not keep the shell waiting.
      process.stdout.write('', () => process.exit(0))
    })
}
