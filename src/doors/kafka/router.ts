import { assert } from '../../std/assert.ts'
import type { AnyApi, Handler } from './handler.ts'
import { apiVersions, type ServedApi } from './handlers/api-versions.ts'

/** The handlers by API key. ApiVersions' own handler is added here: it answers what this table holds. */
export class Router {
  private readonly byKey: (Handler | undefined)[] = []

  /** `handlers`: at most one per key, ApiVersions not among them. */
  constructor(handlers: readonly Handler<AnyApi>[]) {
    for (const handler of handlers) this.add(handler)
    this.add(apiVersions(() => this.served()))
  }

  private add(handler: Handler): void {
    const { api, versions } = handler
    assert(!this.byKey[api.key], `two handlers of ${api.name}`)
    assert(
      versions[0] >= api.versions[0] && versions[1] <= api.versions[1],
      `${api.name} ${versions.join('-')} is served, ${api.versions.join('-')} declared`
    )
    this.byKey[api.key] = handler
  }

  /** The handler of an API, whatever the version; undefined when the API isn't served. */
  find(key: number): Handler | undefined {
    return this.byKey[key]
  }

  /** What is served, by ascending key. */
  served(): ServedApi[] {
    const served: ServedApi[] = []
    for (const handler of this.byKey)
      if (handler)
        served.push({
          apiKey: handler.api.key,
          name: handler.api.name,
          minVersion: handler.advertisedMin,
          maxVersion: handler.versions[1]
        })
    return served
  }
}
