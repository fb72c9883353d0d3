import type { RequestContext } from './handler.ts'

/** The client as groups show it: the host as Java prints an address, which is what tools expect. */
export function groupClient(context: RequestContext): { readonly clientId: string; readonly clientHost: string } {
  return { clientId: context.clientId ?? '', clientHost: `/${context.clientHost}` }
}
