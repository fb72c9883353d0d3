import { status } from '@grpc/grpc-js'
import { messageOf } from '../../std/errors.ts'
import { MetastoreError } from '../metastore.ts'

/**
 * What a failed call means. `token`: the session is over, nothing was done, log in and ask again. `busy`: nothing was done,
 * ask again in a while. `silent`: this endpoint gave no answer, or can't have one; the request may have been carried out.
 * Everything else is the answer.
 */
export type Meaning = 'token' | 'busy' | 'silent' | MetastoreError

const tokenTexts = [
  'invalid auth token',
  'user name is empty',
  'revision of auth store is old',
  'revision in header is old'
]

/** A gRPC error as this folder understands it. Texts are etcd's, of 3.4 to 3.6. */
export function meaningOf(error: unknown): Meaning {
  const code = (error as { code?: unknown }).code
  const text = detailsOf(error)
  switch (code) {
    case status.UNAUTHENTICATED:
      return 'token'
    case status.INVALID_ARGUMENT:
      if (tokenTexts.some(part => text.includes(part))) return 'token'
      return text.includes('authentication failed') ? denied(text, error) : answer('invalid', text, error)
    case status.PERMISSION_DENIED:
      return denied(text, error)
    case status.NOT_FOUND:
      return text.includes('lease') ? answer('lease', text, error) : 'silent'
    case status.OUT_OF_RANGE:
      return answer('invalid', text, error)
    case status.RESOURCE_EXHAUSTED:
      if (text.includes('database space exceeded')) return full(text, error)
      return text.includes('too many requests') ? 'busy' : 'silent'
    default:
      return 'silent'
  }
}

/** Nothing is known of what was asked. */
export function unavailable(text: string, cause?: unknown): MetastoreError {
  return new MetastoreError('unavailable', text, { cause })
}

/** etcd's words, without gRPC's around them. */
export function detailsOf(error: unknown): string {
  const { details } = error as { details?: unknown }
  // The client library goes on with the names' resolution, of which there is mostly nothing to tell.
  if (typeof details === 'string' && details !== '') return details.replace(/\. Resolution note: $/, '')
  return messageOf(error)
}

function answer(kind: 'invalid' | 'lease', text: string, cause: unknown): MetastoreError {
  return new MetastoreError(kind, text, { cause })
}

function denied(text: string, cause: unknown): MetastoreError {
  return new MetastoreError('denied', `etcd refuses access: ${text}`, { cause })
}

function full(text: string, cause: unknown): MetastoreError {
  return new MetastoreError(
    'full',
    `etcd's database is full (${text}): compact and defragment it or raise its quota, then disarm the alarm`,
    { cause }
  )
}
