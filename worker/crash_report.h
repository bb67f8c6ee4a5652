/* Crash report: when the program itself is at fault, stderr says where.
 *
 *   klamm 0.1.0: SIGSEGV at 0x10 in thread lane 0: a defect of klamm. What was not committed is read
 *   again. Please report these lines:
 *   klamm(+0x2f1c)[0x55d0f1a02f1c]         addr2line -fe klamm 0x2f1c
 *   …
 *
 * Then the signal does what it does without: the exit status and a core file are the same.
 */
#ifndef KLAMM_WORKER_CRASH_REPORT_H
#define KLAMM_WORKER_CRASH_REPORT_H

/* For the process, once. Signals that somebody handles already (sanitizers) are left to them. */
void crash_report_install(void);
/* For a thread of a library that has all signals blocked: those that mean a defect get through. */
void crash_report_let_through(void);

#endif
