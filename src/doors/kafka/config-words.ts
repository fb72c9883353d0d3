import type { ConfigSource } from '../../broker/config-sources.ts'
import type { ConfigOperation, ConfigResource } from '../../broker/configs.ts'
import type { Refusal } from '../../broker/refusal.ts'
import { codeOf, messageOf, NaruError } from '../../std/errors.ts'
import type { OptionType } from '../../std/option.ts'
import { errorNumber } from '../../wire/kafka/errors.ts'

/** How the protocol numbers where a config comes from. */
export const configSourceNumbers: Readonly<Record<ConfigSource, number>> = {
  topic: 1,
  dynamicBroker: 2,
  dynamicDefault: 3,
  static: 4,
  default: 5,
  logger: 6
}

/** How the protocol numbers the types of configs. */
export const configTypeNumbers: Readonly<Record<OptionType, number>> = {
  boolean: 1,
  string: 2,
  int: 3,
  long: 5,
  double: 6,
  list: 7
}

/** How the protocol numbers what IncrementalAlterConfigs does to a config. */
const operations: readonly ConfigOperation[] = ['set', 'delete', 'append', 'subtract']

/** Throws INVALID_REQUEST for a number that means nothing. */
export function configOperation(number: number): ConfigOperation {
  const operation = operations.at(number)
  if (number < 0 || !operation) throw new NaruError('INVALID_REQUEST', `Unknown operations type ${number}`)
  return operation
}

/** Throws INVALID_REQUEST for a type of resource that has no configs here. */
export function configResource(type: number, name: string): ConfigResource {
  if (type === 2) return { type: 'topic', name }
  if (type === 4) return { type: 'broker', name }
  if (type === 8) return { type: 'logger', name }
  if (type === 16) return { type: 'metrics', name }
  if (type === 32) return { type: 'group', name }
  throw new NaruError('INVALID_REQUEST', `Unknown resource type ${type}`)
}

interface Altered {
  readonly resourceType: number
  readonly resourceName: string
}

/** How altering one resource is answered. */
interface Alteration extends Altered {
  readonly errorCode: number
  readonly errorMessage: string | null
}

export function alteration({ resourceType, resourceName }: Altered, refusal?: Refusal): Alteration {
  return {
    errorCode: errorNumber(refusal?.error),
    errorMessage: refusal?.message ?? null,
    resourceType,
    resourceName
  }
}

/** Alters each resource on its own; one that comes more than once is refused wherever it comes. */
export async function alterEach<R extends Altered>(
  resources: readonly R[],
  alter: (resource: R, target: ConfigResource) => Promise<Refusal | undefined>
): Promise<{ responses: Alteration[] }> {
  const counts = new Map<string, number>()
  const key = ({ resourceType, resourceName }: R) => `${resourceType} ${resourceName}`
  for (const resource of resources) counts.set(key(resource), (counts.get(key(resource)) ?? 0) + 1)
  const responses = resources.map(async resource => {
    if (counts.get(key(resource)) !== 1)
      return alteration(resource, { error: 'INVALID_REQUEST', message: 'Each resource must appear at most once.' })
    try {
      return alteration(resource, await alter(resource, configResource(resource.resourceType, resource.resourceName)))
    } catch (error) {
      return alteration(resource, { error: codeOf(error), message: messageOf(error) })
    }
  })
  return { responses: await Promise.all(responses) }
}
