import type { Command } from 'commander'

/** A command as the list of commands shows it. Each module is loaded only when it is needed: `naru start` must not wait for the others. */
export interface CommandEntry {
  readonly description: string
  /** The heading that it stands under. */
  readonly group: string
  load(): Promise<Command>
}

export const commands: Readonly<Record<string, CommandEntry>> = {
  start: {
    group: 'Run:',
    description: 'run a broker in the foreground',
    load: async () => (await import('./start.ts')).startCommand()
  },
  produce: {
    group: 'Use:',
    description: 'send records from files or standard input',
    load: async () => (await import('./produce.ts')).produceCommand()
  },
  consume: {
    group: 'Use:',
    description: 'print the records of a topic',
    load: async () => (await import('./consume.ts')).consumeCommand()
  },
  topic: {
    group: 'Look after:',
    description: 'create, list, describe, alter and delete topics',
    load: async () => (await import('./topic.ts')).topicCommand()
  },
  group: {
    group: 'Look after:',
    description: 'list, describe, move and delete consumer groups',
    load: async () => (await import('./group.ts')).groupCommand()
  },
  config: {
    group: 'Look after:',
    description: 'show and change the configs of topics and brokers',
    load: async () => (await import('./config.ts')).configCommand()
  },
  cluster: {
    group: 'Look after:',
    description: 'see how a cluster stands; let brokers come and go',
    load: async () => (await import('./cluster.ts')).clusterCommand()
  },
  doctor: {
    group: 'Find out:',
    description: 'look for what is wrong, and say what to do',
    load: async () => (await import('./doctor.ts')).doctorCommand()
  },
  log: {
    group: 'Find out:',
    description: 'look into the files of a data folder, and verify them',
    load: async () => (await import('./log.ts')).logCommand()
  },
  completion: {
    group: 'More:',
    description: 'print the script with which bash, zsh or fish completes naru',
    load: async () => (await import('./completion.ts')).completionCommand()
  }
}
