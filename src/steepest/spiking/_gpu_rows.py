"""Where a trial's numbers stand in the arrays that both kernels for GPUs move."""

# Rows of `numbers` (ROWS, trials): hazard left to the next spike of the afferents together and of
# the teacher, where E[h], E[h'], ... were computed (mV, mV^2 / 2) and they.
LEFT, TEACHER_LEFT, MEAN0, HALF0, H = range(5)
# Of a trial that ended: lambda, the sums over w r and w^2 r, and V.
LAM, LOST_MEAN, LOST_SQUARE, LOST_V = range(H + 7, H + 11)
SHARED = H + 11
# The kernel with a thread for a trial has these besides; they are those of `_updates`.
VM, VS, TM, TS, RM, RS, QMM, QMS, QSS, MEAN, SQUARE, L, U, A, B = range(SHARED, SHARED + 15)
ROWS = SHARED + 15

# Rows of `counters` (COUNTERS, trials): the step, what ended the trial, events drawn, and where in
# the lists of given spikes it is.
STEP, HAPPENED, EVENTS, TEACHER_EVENTS, GIVEN, TAUGHT = range(6)
COUNTERS = 6

# Rows of the classes of afferents of equal rates (CLASSES, kinds): where a class begins among the
# active afferents, its size, its rate (Hz), what its USPs are multiplied by in the rule, and the
# part of all hazard that lies before it.
FIRST, SIZE, RATE, GAIN, EDGE = range(5)
CLASSES = 5
