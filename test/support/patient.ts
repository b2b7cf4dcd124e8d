/** Deadlines that a machine which stands still for a moment does not miss: for whatever is not about an outage. */
export const PATIENT_CALLS = { storeTimeoutMs: 20_000, lockTimeoutMs: 20_000 };

/** Deadlines that a test which is about an outage can wait for. */
export const SHORT_CALLS = { storeTimeoutMs: 1_000, lockTimeoutMs: 1_000 };
