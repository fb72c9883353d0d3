import { type Answer, type Handler, handler, type RequestContext } from '../../../src/doors/kafka/handler.ts'
import { bytes, int32, records, string } from '../../../src/schema/fields.ts'
import { api, type RequestOf, type ResponseOf } from '../../../src/schema/message.ts'
import { errorNumber } from '../../../src/wire/kafka/errors.ts'

/** An API of the tests' own: it answers what it was asked. */
export const Echo = api({
  key: 900,
  name: 'Echo',
  versions: [0, 2],
  flexible: 2,
  request: { text: string, padding: bytes.or(Buffer.alloc(0)) },
  response: { errorCode: int32.or(0), text: string, records: records.nullable() }
})
type Asked = RequestOf<typeof Echo>
export type Answered = Answer<ResponseOf<typeof Echo>>

/** A handler of Echo. */
export function echo(
  answer: (request: Asked, context: RequestContext) => Answered | Promise<Answered>,
  alone = false
): Handler {
  const refuse = (_request: Asked, code: Parameters<typeof errorNumber>[0], message: string) => ({
    errorCode: errorNumber(code),
    text: message
  })
  return handler(Echo, { versions: [0, 2], alone, pipelined: !alone, refuse }, answer)
}

/** An Echo handler that answers when it is told to, by text. */
export function onDemand(alone = false) {
  const asked: string[] = []
  const answers = new Map<string, (answer: Answered) => void>()
  const served = echo(({ text }) => {
    asked.push(text)
    return new Promise(resolve => answers.set(text, resolve))
  }, alone)
  return { asked, served, answer: (text: string, answer: Answered = { text }) => answers.get(text)?.(answer) }
}
