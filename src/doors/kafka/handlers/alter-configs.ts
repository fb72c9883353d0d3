import { AlterConfigs } from '../../../wire/kafka/messages/alter-configs.ts'
import { alteration, alterEach } from '../config-words.ts'
import { handler } from '../handler.ts'

/** AlterConfigs: sets a resource's configs to those given and no others. IncrementalAlterConfigs came in its place. */
export const alterConfigs = handler(
  AlterConfigs,
  {
    versions: [0, 2],
    alone: true,
    refuse: (request, error, message) => ({
      responses: request.resources.map(resource => alteration(resource, { error, message }))
    })
  },
  ({ resources, validateOnly }, { broker }) =>
    alterEach(resources, ({ configs }, target) => broker.configs.replace(target, configs, validateOnly))
)
