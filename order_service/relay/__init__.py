"""Does what orders have sent: the outbox and the timers, at least once, in order per lane."""
