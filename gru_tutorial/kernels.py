"""Chapter 11: the loops of a GRU layer that get compiled, in plain Python.

``compiled`` has numba make machine code of them. They run as they are, too: a
thousand times as slowly. Arrays are in C order and of one dtype, float32 or
float64; the functions fill those that they are given.
"""

from __future__ import annotations

import numpy as np

MAX_UNITS = 128
# Four sequences are worked on at once. Each has a row in a flat array, and
# rows begin ROW numbers apart: room for three gates, and a constant, so that
# a compiler sees that rows do not overlap, and works on many numbers of each
# at once. Parts of one sequence's step are PART numbers apart, likewise.
ROW, PART = 408, 136


def exp_minus_1(x):
    """Return exp(x) - 1: a power of 2, times a short series for the rest.

    Parameters
    ----------
    x : float32 or float64
        A number; above 88 or 709 the answer is infinite.

    Returns
    -------
    float32 or float64
        The answer, near 0 too as precise as the dtype allows.

    References
    ----------
    Cody and Waite, *Software Manual for the Elementary Functions*, 1980.

    Examples
    --------
    >>> abs(exp_minus_1(np.float64(1)) - (np.e - 1)) < 1e-15
    np.True_
    """
    if isinstance(x, np.float32):
        return exp_minus_1_single(x)
    return exp_minus_1_double(np.float64(x))


def exp_minus_1_single(x):
    """Return what ``exp_minus_1`` does, in float32.

    Parameters
    ----------
    x : float32
        A number.
    """
    single = np.float32
    y = single(-87) if x < single(-87) else x  # nan stays nan
    y = single(88) if y > single(88) else y
    # Beside 1.5 * 2**23 no fraction has room: what is left in the last bits
    # is the number of times that log(2) fits in y.
    rounded = y * single(1.4426950408889634) + single(3 * 2**22)
    times = rounded - single(3 * 2**22)
    # log(2) in two parts, the first of few digits: nothing is rounded off
    rest = y - times * single(0.693359375)
    rest = rest - times * single(-2.12194440e-4)
    series = single(1)
    for k in range(7, 1, -1):  # 1 + r/2 (1 + r/3 (1 + r/4 ...
        series = single(1) + rest * series * single(1 / k)
    # The same bits, moved to where a float has its exponent: 2 ** times
    bits = np.int32(single(rounded).view(np.int32) << np.int32(23))
    power = np.int32(bits + np.int32(127 << 23)).view(np.float32)
    answer = power * (rest * series) + (power - single(1))
    return single(np.inf) if x > single(88) else answer


def exp_minus_1_double(x):
    """Return what ``exp_minus_1`` does, in float64.

    Parameters
    ----------
    x : float64
        A number.
    """
    double = np.float64
    y = double(-708) if x < double(-708) else x
    y = double(709) if y > double(709) else y
    rounded = y * double(1.4426950408889634) + double(3 * 2**51)
    times = rounded - double(3 * 2**51)
    rest = y - times * double(6.93145751953125e-1)
    rest = rest - times * double(1.42860682030941723212e-6)
    series = double(1)
    for k in range(13, 1, -1):
        series = double(1) + rest * series * double(1 / k)
    bits = np.int64(double(rounded).view(np.int64) << np.int64(52))
    power = np.int64(bits + np.int64(1023 << 52)).view(np.float64)
    answer = power * (rest * series) + (power - double(1))
    return double(np.inf) if x > double(709) else answer


def sigmoid(x, one):
    """Return 1 / (1 + exp(-x)).

    Parameters
    ----------
    x, one : float32 or float64
        A number, and 1 of the same dtype: Python's own would be a float64.

    Examples
    --------
    >>> sigmoid(np.float32(0), np.float32(1))
    np.float32(0.5)
    """
    return one / (one + one + exp_minus_1(-x))


def tanh(x, one):
    """Return the hyperbolic tangent.

    Parameters
    ----------
    x, one : float32 or float64
        A number, and 1 of the same dtype.

    Examples
    --------
    >>> abs(tanh(np.float64(1e-3), np.float64(1)) - np.tanh(1e-3)) < 1e-18
    np.True_
    """
    negative = -x if x > 0 else x
    e = exp_minus_1(negative + negative)  # from -1 to 0
    answer = e / (e + one + one)
    return -answer if x > 0 else answer


def multiply(sums, rows, weights):
    """Compute the products of four rows with one matrix.

    Parameters
    ----------
    sums : ndarray of shape (4 * ROW,)
        Gets the products, as rows.
    rows : ndarray of shape (4 * ROW,)
        The four rows.
    weights : ndarray of shape (n, width)
        The matrix; ``n`` is a multiple of 4.

    Examples
    --------
    >>> sums, rows = np.zeros(4 * ROW), np.arange(4.0 * ROW)
    >>> multiply(sums, rows, np.ones((4, 2)))
    >>> sums[:3]
    array([6., 6., 0.])
    """
    for k in range(4):
        for j in range(weights.shape[1]):
            sums[k * ROW + j] = 0
    for k in range(0, len(weights), 4):
        w_0, w_1 = weights[k], weights[k + 1]
        w_2, w_3 = weights[k + 2], weights[k + 3]
        a_0, a_1, a_2, a_3 = rows[k], rows[k + 1], rows[k + 2], rows[k + 3]
        i = k + ROW
        b_0, b_1, b_2, b_3 = rows[i], rows[i + 1], rows[i + 2], rows[i + 3]
        i = k + 2 * ROW
        c_0, c_1, c_2, c_3 = rows[i], rows[i + 1], rows[i + 2], rows[i + 3]
        i = k + 3 * ROW
        d_0, d_1, d_2, d_3 = rows[i], rows[i + 1], rows[i + 2], rows[i + 3]
        for j in range(weights.shape[1]):  # many at once, once compiled
            w, x, y, z = w_0[j], w_1[j], w_2[j], w_3[j]
            sums[j] += a_0 * w + a_1 * x + a_2 * y + a_3 * z
            sums[j + ROW] += b_0 * w + b_1 * x + b_2 * y + b_3 * z
            sums[j + 2 * ROW] += c_0 * w + c_1 * x + c_2 * y + c_3 * z
            sums[j + 3 * ROW] += d_0 * w + d_1 * x + d_2 * y + d_3 * z


def forward_gates(products, bias, gates, state_n, before, after, one):
    """Take one step of one sequence, after the products.

    Parameters
    ----------
    products : ndarray of shape (at least 3 * hidden,)
        Those of the state and the weights.
    bias : ndarray of shape (hidden,)
        The state's bias of n.
    gates : ndarray of shape (3 * hidden,)
        Holds the input's part of r, z and n; gets r, z and n.
    state_n : ndarray of shape (hidden,)
        Gets the state's part of n.
    before, after : ndarray of shape (hidden,)
        The state; the second gets the new one.
    one : float32 or float64
        1 of the same dtype.

    Examples
    --------
    >>> gates, before, after = np.zeros(3), np.ones(1), np.empty(1)
    >>> rest = np.empty(1), before, after, np.float64(1)
    >>> forward_gates(np.zeros(3), np.zeros(1), gates, *rest)
    >>> after, gates
    (array([0.5]), array([0.5, 0.5, 0. ]))
    """
    size = len(before)
    for i in range(2 * size):
        gates[i] = sigmoid(gates[i] + products[i], one)
    for i in range(size):
        from_state = products[2 * size + i] + bias[i]
        n = tanh(gates[2 * size + i] + gates[i] * from_state, one)
        gates[2 * size + i] = n
        state_n[i] = from_state
        after[i] = n + gates[size + i] * (before[i] - n)


def backward_gates(d_h, parts, gates, state_n, before, one):
    """Go one step of one sequence back, before the products.

    Parameters
    ----------
    d_h : ndarray of shape (hidden,)
        The loss's gradient with respect to the new state.
    parts : ndarray of shape (5 * PART,)
        Gets, PART apart, that of r, z, the state's and the input's part of n,
        before the sigmoids and the tanh, and what z passes on to the state
        before.
    gates, state_n, before
        As ``forward_gates`` left them.
    one : float32 or float64
        1 of the same dtype.

    Examples
    --------
    >>> parts, zero, one = np.zeros(5 * PART), np.zeros(1), np.ones(1)
    >>> backward_gates(one, parts, np.array([0.5, 0.5, 0]), zero, one, 1.0)
    >>> parts[::PART]
    array([0.  , 0.25, 0.25, 0.5 , 0.5 ])
    """
    size = len(before)
    for i in range(size):
        r, z, n = gates[i], gates[size + i], gates[2 * size + i]
        d_n = d_h[i] * (one - z) * (one - n * n)
        parts[i] = d_n * state_n[i] * r * (one - r)
        parts[i + PART] = d_h[i] * (before[i] - n) * z * (one - z)
        parts[i + 2 * PART] = d_n * r
        parts[i + 3 * PART] = d_n
        parts[i + 4 * PART] = d_h[i] * z


def forward_steps(gates, states, state_n, weights, bias):
    """Run a GRU layer over its sequences.

    Parameters
    ----------
    gates : ndarray of shape (time, batch, 3 * hidden)
        Holds the input's part of r, z and n, biases added: both of r and z,
        the input's of n. Gets r, z and n.
    states : ndarray of shape (time + 1, batch, hidden)
        Holds the first state; gets the others.
    state_n : ndarray of shape (time or 1, batch, hidden)
        Gets the state's part of n, of each step or of the last.
    weights : ndarray of shape (hidden, 3 * hidden)
        ``weight_hh``, transposed; with rows of zeros below, if that makes
        them a multiple of 4.
    bias : ndarray of shape (hidden,)
        The state's bias of n.

    Examples
    --------
    >>> gates, states, state_n = np.zeros((5, 1, 12)), np.ones((6, 1, 4)), \
np.empty((5, 1, 4))
    >>> forward_steps(gates, states, state_n, np.zeros((4, 12)), np.zeros(4))
    >>> states[:, 0, 0]
    array([1.     , 0.5    , 0.25   , 0.125  , 0.0625 , 0.03125])
    """
    steps, batch, size = len(gates), states.shape[1], states.shape[2]
    one = gates.dtype.type(1)
    rows = np.zeros(4 * ROW, gates.dtype)
    sums = np.zeros(4 * ROW, gates.dtype)
    for t in range(steps):
        kept = min(t, len(state_n) - 1)
        for first in range(0, batch, 4):
            for k in range(min(4, batch - first)):
                for i in range(size):
                    rows[k * ROW + i] = states[t, first + k, i]
            multiply(sums, rows, weights)
            for k in range(min(4, batch - first)):
                b, products = first + k, sums[k * ROW : (k + 1) * ROW]
                filled = gates[t, b], state_n[kept, b]
                before, after = states[t, b], states[t + 1, b]
                forward_gates(products, bias, *filled, before, after, one)


def backward_steps(d_states, d_gates, d_n, gates, states, state_n, weights):
    """Propagate gradients back through all steps of a GRU layer.

    Parameters
    ----------
    d_states : ndarray of shape (time + 1, batch, hidden)
        Holds the loss's gradient with respect to each state alone; gets it
        with what comes through later states.
    d_gates : ndarray of shape (time, batch, 3 * hidden)
        Gets that of the state's part of r, z and n.
    d_n : ndarray of shape (time, batch, hidden)
        Gets that of the input's part of n.
    gates, states, state_n
        As ``forward_steps`` left them, of each step.
    weights : ndarray of shape (3 * hidden, hidden)
        ``weight_hh``; with rows of zeros below, if that makes them a multiple
        of 4.

    Examples
    --------
    >>> gates, states, state_n = np.zeros((5, 1, 12)), np.ones((6, 1, 4)), \
np.empty((5, 1, 4))
    >>> forward_steps(gates, states, state_n, np.zeros((4, 12)), np.zeros(4))
    >>> d_states, d_gates, d_n = map(np.zeros_like, (states, gates, state_n))
    >>> d_states[-1] = 1
    >>> kept = gates, states, state_n
    >>> backward_steps(d_states, d_gates, d_n, *kept, np.zeros((12, 4)))
    >>> d_states[:, 0, 0]
    array([0.03125, 0.0625 , 0.125  , 0.25   , 0.5    , 1.     ])
    """
    steps, batch, size = state_n.shape
    one = gates.dtype.type(1)
    rows = np.zeros(4 * ROW, gates.dtype)
    sums = np.zeros(4 * ROW, gates.dtype)
    parts = np.zeros(5 * PART, gates.dtype)
    for t in range(steps - 1, -1, -1):
        for first in range(0, batch, 4):
            for k in range(min(4, batch - first)):
                b = first + k
                kept = gates[t, b], state_n[t, b], states[t, b]
                backward_gates(d_states[t + 1, b], parts, *kept, one)
                for i in range(size):
                    d_n[t, b, i] = parts[i + 3 * PART]
                    d_states[t, b, i] += parts[i + 4 * PART]
                for gate in range(3):
                    for i in range(size):
                        d_gates[t, b, gate * size + i] = parts[i + gate * PART]
                for i in range(3 * size):
                    rows[k * ROW + i] = d_gates[t, b, i]
            multiply(sums, rows, weights)
            for k in range(min(4, batch - first)):
                for i in range(size):
                    d_states[t, first + k, i] += sums[k * ROW + i]
