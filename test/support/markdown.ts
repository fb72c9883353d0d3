/** A fenced block of code in a page. */
export interface Block {
  language: string
  text: string
  /** 1-based line of its first line of code. */
  line: number
}

export function codeBlocks(markdown: string): Block[] {
  const blocks: Block[] = []
  let open: Block | undefined
  for (const [i, line] of markdown.split('\n').entries()) {
    const fence = /^```(\w*)/.exec(line)
    if (open && fence) {
      blocks.push(open)
      open = undefined
    } else if (open) open.text += `${line}\n`
    else if (fence) open = { language: fence[1], text: '', line: i + 2 }
  }
  return blocks
}
