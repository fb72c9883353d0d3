import { type Argument, Command, type Option } from 'commander'
import { commands } from '../commands.ts'

/** What stands in a place of the command line: names that the broker knows, files, or something nobody can guess. */
export type Kind = 'topics' | 'groups' | 'resources' | 'files' | 'none'

export interface FlagSpec {
  readonly long: string
  /** One letter, or empty. */
  readonly short: string
  readonly description: string
  readonly takesValue: boolean
  readonly kind: Kind
  readonly choices: readonly string[]
}

export interface ArgumentSpec {
  readonly kind: Kind
  readonly choices: readonly string[]
  readonly variadic: boolean
}

/** A command as the shells' scripts need it. */
export interface CommandSpec {
  /** `naru topic alter`. */
  readonly path: string
  readonly description: string
  readonly subcommands: readonly CommandSpec[]
  readonly flags: readonly FlagSpec[]
  readonly args: readonly ArgumentSpec[]
}

/** The whole command, from the same declarations that parse it. */
export async function commandTree(): Promise<CommandSpec> {
  const root = new Command('naru').version('', '-V, --version', 'print the version')
  for (const [name, { description, load }] of Object.entries(commands))
    root.addCommand((await load()).name(name).summary(description))
  return specOf(root, 'naru')
}

/** The command and everything below it, parents first. */
export function allOf(spec: CommandSpec): CommandSpec[] {
  return [spec, ...spec.subcommands.flatMap(allOf)]
}

export const nameOf = ({ path }: CommandSpec): string => path.slice(path.lastIndexOf(' ') + 1)

function specOf(command: Command, path: string): CommandSpec {
  const help = command.createHelp()
  const visible = help.visibleCommands(command)
  return {
    path,
    description: command.summary() || command.description(),
    subcommands: command.commands
      .filter(child => visible.includes(child))
      .map(child => specOf(child, `${path} ${child.name()}`)),
    flags: help.visibleOptions(command).map(flagOf),
    args: command.registeredArguments.map(argumentOf)
  }
}

function flagOf(option: Option): FlagSpec {
  const { long, short, description, argChoices = [] } = option
  const placeholder = /[<[]([^>\]]*)/.exec(option.flags)?.[1] ?? ''
  return {
    long: long ?? '',
    short: short?.slice(1) ?? '',
    description,
    takesValue: option.required || option.optional,
    kind: kindOf(option.attributeName(), placeholder),
    choices: argChoices
  }
}

function argumentOf(argument: Argument): ArgumentSpec {
  return {
    kind: kindOf(argument.name(), argument.name()),
    choices: argument.argChoices ?? [],
    variadic: argument.variadic
  }
}

/** Arguments and flags that mean the same are called the same everywhere: so their names tell. */
function kindOf(name: string, placeholder: string): Kind {
  if (/^topics?$/.test(name)) return 'topics'
  if (/^groups?$/.test(name)) return 'groups'
  if (name === 'resource') return 'resources'
  return /^(files?|folder|target)$/.test(placeholder) ? 'files' : 'none'
}
