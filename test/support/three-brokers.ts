/** Imported before a suite, this makes it one against a cluster of three brokers. */
process.env.NARU_E2E_BROKERS ??= '3'
