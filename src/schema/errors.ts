/** Bytes that no version of the message allows: too short, a length that lies, an array larger than what arrived. */
export class DecodeError extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'DecodeError'
  }
}

/** A value that the chosen version cannot carry: out of range, null where it may not be, or a set field it lacks. */
export class EncodeError extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'EncodeError'
  }
}
