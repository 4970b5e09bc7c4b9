// A GRU in plain JavaScript, in float64: forward, the exact gradient by
// back-propagation through time, and Adam. All explorables compute with it.
// Equations, names and order of the parameters are those of torch.nn.GRU, so
// that tests compare them number by number.

/**
 * Return a seeded generator of random numbers (mulberry32).
 * @param {number} seed a whole number
 * @returns {{uniform: function(): number, normal: function(): number}}
 */
export function generator(seed) {
  let state = seed >>> 0;
  const uniform = () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
  const normal = () =>
    Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform());
  return { uniform, normal };
}

export const sigmoid = (a) => 1 / (1 + Math.exp(-a));

/**
 * One GRU layer, and a linear layer that reads its state at each step.
 *
 * All parameters lie in one array, `theta`, their gradients in `grad`; `weights`
 * and `gradients` are views of them by name, in PyTorch's shapes, row by row:
 * weight_ih (3 hidden, inputs), weight_hh (3 hidden, hidden), bias_ih, bias_hh
 * (3 hidden), weight (outputs, hidden), bias (outputs). The gates come in the
 * order r, z, n.
 */
export class Network {
  /** @param {{inputs?: number, hidden: number, outputs?: number, seed?: number}} sizes */
  constructor({ inputs = 1, hidden, outputs = 1, seed = 0 }) {
    Object.assign(this, { inputs, hidden, outputs, length: 0, updates: 0 });
    const sizes = {
      weight_ih: 3 * hidden * inputs,
      weight_hh: 3 * hidden * hidden,
      bias_ih: 3 * hidden,
      bias_hh: 3 * hidden,
      weight: outputs * hidden,
      bias: outputs,
    };
    const size = Object.values(sizes).reduce((a, b) => a + b);
    for (const name of ["theta", "grad", "mean", "square"]) {
      this[name] = new Float64Array(size);
    }
    this.weights = {};
    this.gradients = {};
    let start = 0;
    for (const [name, count] of Object.entries(sizes)) {
      this.weights[name] = this.theta.subarray(start, start + count);
      this.gradients[name] = this.grad.subarray(start, start + count);
      start += count;
    }
    const { uniform } = generator(seed);
    const bound = 1 / Math.sqrt(hidden);
    for (let i = 0; i < size; i++) this.theta[i] = (2 * uniform() - 1) * bound;
  }

  /** Make room for sequences of this length. */
  reserve(length) {
    if (length <= this.length) return;
    this.length = length;
    const { hidden, outputs } = this;
    for (const name of ["r", "z", "n", "q"]) {
      this[name] = new Float64Array(length * hidden);
    }
    this.h = new Float64Array((length + 1) * hidden); // the first is h0
    this.y = new Float64Array(length * outputs);
    this.dh = new Float64Array(hidden);
    this.before = new Float64Array(hidden);
    this.da = new Float64Array(4 * hidden);
  }

  /**
   * Compute states and outputs of a sequence.
   * @param {ArrayLike<number>} x length * inputs numbers, step by step
   * @param {?ArrayLike<number>} h0 the state before the first step; zeros if none
   * @returns {Float64Array} length * outputs numbers; gone with the next call
   */
  forward(x, h0 = null) {
    const length = x.length / this.inputs;
    this.reserve(length);
    for (let j = 0; j < this.hidden; j++) this.h[j] = h0 ? h0[j] : 0;
    for (let t = 0; t < length; t++) {
      this.step(x, t);
      this.read(t);
    }
    return this.y.subarray(0, length * this.outputs);
  }

  /** Compute the state after step t from the one before it. */
  step(x, t) {
    const { inputs, hidden, h, r, z, n, q } = this;
    const { weight_ih, weight_hh, bias_ih, bias_hh } = this.weights;
    const now = t * hidden;
    for (let j = 0; j < hidden; j++) {
      const jz = hidden + j, jn = 2 * hidden + j;
      let ar = bias_ih[j] + bias_hh[j], az = bias_ih[jz] + bias_hh[jz];
      let an = bias_ih[jn], aq = bias_hh[jn];
      for (let i = 0; i < inputs; i++) {
        const xi = x[t * inputs + i];
        ar += weight_ih[j * inputs + i] * xi;
        az += weight_ih[jz * inputs + i] * xi;
        an += weight_ih[jn * inputs + i] * xi;
      }
      const kr = j * hidden, kz = jz * hidden, kn = jn * hidden;
      for (let i = 0; i < hidden; i++) {
        const hi = h[now + i];
        ar += weight_hh[kr + i] * hi;
        az += weight_hh[kz + i] * hi;
        aq += weight_hh[kn + i] * hi;
      }
      const rj = sigmoid(ar), zj = sigmoid(az), nj = Math.tanh(an + rj * aq);
      r[now + j] = rj;
      z[now + j] = zj;
      n[now + j] = nj;
      q[now + j] = aq;
      h[now + hidden + j] = (1 - zj) * nj + zj * h[now + j];
    }
  }

  /** Compute the outputs of step t from its state. */
  read(t) {
    const { hidden, outputs, h, y } = this;
    const { weight, bias } = this.weights;
    for (let k = 0; k < outputs; k++) {
      let sum = bias[k];
      for (let j = 0; j < hidden; j++) {
        sum += weight[k * hidden + j] * h[(t + 1) * hidden + j];
      }
      y[t * outputs + k] = sum;
    }
  }

  /**
   * Add to `grad` what follows from the outputs' gradient; after `forward`.
   * @param {ArrayLike<number>} x as in `forward`
   * @param {ArrayLike<number>} dy the loss's derivative by each output
   * @returns {Float64Array} its derivative by each input
   */
  backward(x, dy) {
    const length = x.length / this.inputs;
    const dx = new Float64Array(x.length);
    this.dh.fill(0);
    for (let t = length - 1; t >= 0; t--) {
      this.readBackward(t, dy);
      this.gatesBackward(t);
      this.stepBackward(x, t, dx);
    }
    return dx;
  }

  /** Add to `dh` what the outputs of step t ask of its state. */
  readBackward(t, dy) {
    const { hidden, outputs, h, dh } = this;
    const { weight } = this.weights;
    const d = this.gradients;
    for (let k = 0; k < outputs; k++) {
      const e = dy[t * outputs + k];
      if (e === 0) continue;
      d.bias[k] += e;
      for (let j = 0; j < hidden; j++) {
        d.weight[k * hidden + j] += e * h[(t + 1) * hidden + j];
        dh[j] += e * weight[k * hidden + j];
      }
    }
  }

  /** From `dh`, compute the derivatives by what goes into the gates. */
  gatesBackward(t) {
    const { hidden, h, r, z, n, q, dh, da, before } = this;
    for (let j = 0; j < hidden; j++) {
      const p = t * hidden + j;
      const dn = dh[j] * (1 - z[p]) * (1 - n[p] * n[p]);
      da[j] = dn * q[p] * r[p] * (1 - r[p]);
      da[hidden + j] = dh[j] * (h[p] - n[p]) * z[p] * (1 - z[p]);
      da[2 * hidden + j] = dn;
      da[3 * hidden + j] = dn * r[p]; // by q = W_hn h + b_hn
      before[j] = dh[j] * z[p];
    }
  }

  /** Add the gradient by the weights; `dh` becomes that of the step before. */
  stepBackward(x, t, dx) {
    const { inputs, hidden, h, da, before, dh } = this;
    const { weight_ih, weight_hh } = this.weights;
    const d = this.gradients;
    const now = t * hidden;
    for (let g = 0; g < 3; g++) {
      const fromState = g === 2 ? 3 : g;
      for (let j = 0; j < hidden; j++) {
        const row = g * hidden + j;
        const a = da[row], s = da[fromState * hidden + j];
        d.bias_ih[row] += a;
        d.bias_hh[row] += s;
        for (let i = 0; i < inputs; i++) {
          d.weight_ih[row * inputs + i] += a * x[t * inputs + i];
          dx[t * inputs + i] += a * weight_ih[row * inputs + i];
        }
        const k = row * hidden;
        for (let i = 0; i < hidden; i++) {
          d.weight_hh[k + i] += s * h[now + i];
          before[i] += s * weight_hh[k + i];
        }
      }
    }
    dh.set(before);
  }

  /**
   * Clip the gradient's norm, update by Adam, and set the gradient to zero.
   * @param {{lr: number, clip?: number}} options
   * @returns {number} the norm before clipping
   */
  update({ lr, clip = Infinity }) {
    const { theta, grad, mean, square } = this;
    const [beta1, beta2, epsilon] = [0.9, 0.999, 1e-8];
    let norm = 0;
    for (const g of grad) norm += g * g;
    norm = Math.sqrt(norm);
    const share = Math.min(1, clip / (norm + 1e-6));
    this.updates += 1;
    const c1 = 1 - beta1 ** this.updates, c2 = 1 - beta2 ** this.updates;
    for (let i = 0; i < theta.length; i++) {
      const g = grad[i] * share;
      mean[i] = beta1 * mean[i] + (1 - beta1) * g;
      square[i] = beta2 * square[i] + (1 - beta2) * g * g;
      theta[i] -= (lr * mean[i]) / c1 / (Math.sqrt(square[i] / c2) + epsilon);
    }
    grad.fill(0);
    return norm;
  }
}
