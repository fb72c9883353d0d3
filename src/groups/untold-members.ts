/**
 * Members of groups that a stopping broker has handed over, until each has heard from it that it isn't their coordinator any
 * more. One that only finds the connection closed may go on asking here for seconds, and many read nothing meanwhile (kafkajs).
 */
export class UntoldMembers {
  private readonly memberIds = new Set<string>()
  private resolveNone: (() => void) | undefined

  /** Another broker coordinates them now. */
  add(memberIds: Iterable<string>): void {
    for (const memberId of memberIds) this.memberIds.add(memberId)
  }

  /** This one was answered NOT_COORDINATOR, or has left. */
  told(memberId: string): void {
    this.memberIds.delete(memberId)
    if (this.memberIds.size === 0) this.resolveNone?.()
  }

  /** Resolves when all have heard. */
  none(): Promise<void> {
    if (this.memberIds.size === 0) return Promise.resolve()
    return new Promise(resolve => {
      this.resolveNone = resolve
    })
  }
}
