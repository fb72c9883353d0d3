import { option } from '../std/option.ts'

/** Keeps new replicas off a broker (KIP-1066). It is one folder that a broker has: whatever names one cordons the broker. */
export const cordonOptions = {
  cordonedLogDirs: option({
    name: 'cordoned.log.dirs',
    type: 'list',
    default: [],
    dynamic: true,
    doc: 'The data folder, or `*`: no new replica goes to this broker, those that it has stay. `naru cluster drain` sets it, `naru cluster add` takes it back.',
    check: dirs =>
      dirs.includes('*') && dirs.length > 1
        ? 'When cordoned.log.dirs is set to *, it must not contain other values'
        : undefined
  })
} as const

type Texts = Readonly<Record<string, string>>

/** Whether a broker takes no new replicas: by what is set for it while it runs, or by what it said at its start. */
export function isCordoned(own: Texts, said: boolean | undefined): boolean {
  const text = own[cordonOptions.cordonedLogDirs.name]
  return text === undefined ? said === true : text.trim() !== ''
}

/** Why folders can't be cordoned: they are not this broker's. Undefined when they can. */
export function whyNotCordoned(dirs: readonly string[], folder: string): string | undefined {
  const other = dirs.find(dir => dir !== '*' && dir !== folder)
  return other === undefined
    ? undefined
    : `Invalid entry in cordoned.log.dirs: ${other}. All cordoned log dirs must be entries of log.dirs or log.dir.`
}
