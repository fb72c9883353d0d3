import { countMethod, refuseLoss } from './closures.ts'
import { type Field, fallbackOf, isFallback } from './fields.ts'
import type { Codec } from './message.ts'
import { literalOf, type Step, type StructPlan } from './plan.ts'

/**
 * A codec out of generated source: straight-line functions, one per struct. Throws where the process disallows code
 * generation (EvalError).
 */
export function sourceCodec(plan: StructPlan): Codec<unknown, unknown> {
  const source = new Source()
  const decode = source.decoder(plan)
  const encode = source.encoder(plan)
  const text = `'use strict'\n${source.text()}\nreturn { decode: ${decode}, encode: ${encode} }`
  return new Function('env', text)(source.env) as Codec<unknown, unknown>
}

/** What generated functions call besides Reader and Writer. Fields are passed by index: only names become text. */
interface Env {
  readonly fields: Field<unknown, unknown, boolean>[]
  readonly fallback: (field: Field<unknown, unknown, boolean>) => unknown
  readonly isFallback: (field: Field<unknown, unknown, boolean>, value: unknown) => boolean
  readonly refuseLoss: typeof refuseLoss
}

class Source {
  readonly env: Env = { fields: [], fallback: fallbackOf, isFallback, refuseLoss }
  private readonly functions: string[] = []

  text(): string {
    return this.functions.join('\n')
  }

  private define(parameters: string, body: string): string {
    const name = `f${this.functions.length}`
    this.functions.push(`function ${name}(${parameters}) {\n${body}\n}`)
    return name
  }

  private fieldRef(field: Field<unknown, unknown, boolean>): string {
    this.env.fields.push(field)
    return `env.fields[${this.env.fields.length - 1}]`
  }

  private fallback(field: Field<unknown, unknown, boolean>): string {
    return literalOf(field) ?? `env.fallback(${this.fieldRef(field)})`
  }

  decoder(plan: StructPlan): string {
    const lines: string[] = []
    const values = new Map<string, string>()
    for (const { name, field } of plan.absent) values.set(name, this.fallback(field))
    for (const { name, step } of plan.present) {
      lines.push(`const ${name}_ = ${this.reads(step)}`)
      values.set(name, `${name}_`)
    }
    for (const { name, field } of plan.tagged) {
      lines.push(`let ${name}_ = ${this.fallback(field)}`)
      values.set(name, `${name}_`)
    }
    if (plan.flexible && plan.tagged.length === 0) lines.push('r.skipTags()')
    else if (plan.flexible) {
      lines.push('for (let tags = r.uvarint(); tags > 0; tags--) {')
      lines.push('const tag = r.uvarint(), bytes = r.uvarint(), start = r.at', 'switch (tag) {')
      for (const { name, field, step } of plan.tagged)
        lines.push(`case ${field.traits.tag}: ${name}_ = ${this.reads(step)}; r.closeTag(start, bytes); break`)
      lines.push('default: r.skip(bytes)', '}', '}')
    }
    lines.push(`return { ${plan.names.map(name => `${name}: ${values.get(name)}`).join(', ')} }`)
    return this.define('r', lines.join('\n'))
  }

  private reads(step: Step): string {
    if (step.kind === 'primitive') return `r.${step.method}()`
    if (step.kind === 'struct') {
      const decode = `${this.decoder(step.plan)}(r)`
      return step.nullable ? `r.int8() <= ${step.nullMark} ? null : ${decode}` : decode
    }
    const count = `r.${countMethod(step.compact, step.nullable)}(${step.elementBytesMin})`
    const body = [
      `const count = ${count}`,
      step.nullable ? 'if (count < 0) return null' : '',
      'const values = []',
      `for (let i = 0; i < count; i++) values.push(${this.reads(step.of)})`,
      'return values'
    ]
    return `${this.define('r', body.join('\n'))}(r)`
  }

  encoder(plan: StructPlan): string {
    const lines: string[] = []
    for (const { name, field } of plan.absent) {
      if (field.traits.lossy) continue
      const ref = this.fieldRef(field)
      lines.push(`if (m.${name} !== undefined) `)
      lines.push(`env.refuseLoss(${JSON.stringify({ name: plan.name })}, '${name}', env.isFallback(${ref}, m.${name}))`)
    }
    for (const { name, field, step } of plan.present) {
      const value = `m.${name} === undefined ? ${this.fallback(field)} : m.${name}`
      lines.push(this.writes(step, value, 'w'))
    }
    if (plan.flexible && plan.tagged.length === 0) lines.push('w.uvarint(0)')
    else if (plan.flexible) {
      lines.push('let tags = 0')
      for (const { name, field } of plan.tagged) {
        lines.push(`const ${name}_ = m.${name} !== undefined && !env.isFallback(${this.fieldRef(field)}, m.${name})`)
        lines.push(`if (${name}_) tags++`)
      }
      lines.push('w.uvarint(tags)')
      for (const { name, field, step } of plan.tagged)
        lines.push(`if (${name}_) w.tag(${field.traits.tag}, inner => { ${this.writes(step, `m.${name}`, 'inner')} })`)
    }
    return this.define('w, m', lines.join('\n'))
  }

  private writes(step: Step, value: string, writer: string): string {
    if (step.kind === 'primitive') return `${writer}.${step.method}(${value})`
    return `${this.writerOf(step)}(${writer}, ${value})`
  }

  private writerOf(step: Exclude<Step, { kind: 'primitive' }>): string {
    if (step.kind === 'struct') {
      const encode = this.encoder(step.plan)
      if (!step.nullable) return encode
      return this.define('w, v', `if (v === null) w.int8(${step.nullMark})\nelse { w.int8(1); ${encode}(w, v) }`)
    }
    const body = [
      step.nullable ? `if (v === null) { ${step.compact ? 'w.compactCount(-1)' : 'w.count(-1)'}; return }` : '',
      step.compact ? 'w.compactCount(v.length)' : 'w.count(v.length)',
      `for (let i = 0; i < v.length; i++) { ${this.writes(step.of, 'v[i]', 'w')} }`
    ]
    return this.define('w, v', body.join('\n'))
  }
}
