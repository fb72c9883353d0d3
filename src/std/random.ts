/** Randomness as the core sees it (DESIGN rule 1): cryptographic in run/, seeded in simulations. */
export interface Random {
  /** An unsigned 32-bit integer. */
  uint32(): number
}

/** A whole number in [0, bound). */
export function below(random: Random, bound: number): number {
  return Math.floor((random.uint32() / 0x1_0000_0000) * bound)
}

/** True with the given probability. */
export function chance(random: Random, probability: number): boolean {
  return random.uint32() / 0x1_0000_0000 < probability
}

/** A random (version 4) UUID as 16 bytes. */
export function randomUuid(random: Random): Buffer {
  const id = Buffer.alloc(16)
  for (let at = 0; at < 16; at += 4) id.writeUInt32BE(random.uint32(), at)
  id[6] = (id[6] & 0x0f) | 0x40
  id[8] = (id[8] & 0x3f) | 0x80
  return id
}

/** A small seeded generator (sfc32): the same seed gives the same sequence on every machine. */
export class SeededRandom implements Random {
  private a: number
  private b: number
  private c: number
  private counter = 1

  constructor(seed: number) {
    this.a = seed >>> 0
    this.b = Math.floor(seed / 0x1_0000_0000) >>> 0
    this.c = 0x9e3779b9
    for (let i = 0; i < 12; i++) this.uint32()
  }

  uint32(): number {
    const t = (((this.a + this.b) >>> 0) + this.counter) >>> 0
    this.counter = (this.counter + 1) >>> 0
    this.a = this.b ^ (this.b >>> 9)
    this.b = (this.c + (this.c << 3)) >>> 0
    this.c = ((this.c << 21) | (this.c >>> 11)) >>> 0
    this.c = (this.c + t) >>> 0
    return t
  }
}
