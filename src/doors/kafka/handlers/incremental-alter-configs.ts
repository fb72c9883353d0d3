import { IncrementalAlterConfigs } from '../../../wire/kafka/messages/incremental-alter-configs.ts'
import { alteration, alterEach, configOperation } from '../config-words.ts'
import { handler } from '../handler.ts'

/** IncrementalAlterConfigs (KIP-339): sets, deletes, appends to and subtracts from single configs. */
export const incrementalAlterConfigs = handler(
  IncrementalAlterConfigs,
  {
    versions: [0, 1],
    alone: true,
    refuse: (request, error, message) => ({
      responses: request.resources.map(resource => alteration(resource, { error, message }))
    })
  },
  ({ resources, validateOnly }, { broker }) =>
    alterEach(resources, async ({ configs }, target) => {
      const changes = configs.map(({ name, configOperation: number, value }) => ({
        name,
        operation: configOperation(number),
        value
      }))
      return broker.configs.change(target, changes, validateOnly)
    })
)
