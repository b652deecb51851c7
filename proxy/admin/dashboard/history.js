// The last ten minutes, as far as this page has seen them: what the charts draw.

import * as metrics from "./metrics.js";

const kWindow = 600;  // seconds
const kLeast = 120;
const kSmooth = 10;   // seconds that quantiles are taken over
const kGap = 15;      // seconds without a sample, after which a line is not drawn through
const kAll = "";      // in place of a pool's name

export class History {
  #samples = [];  // {at, seconds, counted, gauges, points}: maps by pool, kAll among them
  #last = null;

  // How many seconds back there is something to draw, in whole minutes.
  get window() {
    const span = this.#samples.length ? this.#samples.at(-1).at - this.#samples[0].at : 0;
    return Math.min(kWindow, Math.max(kLeast, Math.ceil(span / 60) * 60));
  }

  clear() {
    this.#samples = [];
    this.#last = null;
  }

  // `at` in seconds; `readings` of metrics.read(); `pools` as the API tells them.
  add(at, readings, pools) {
    const counted = new Map([[kAll, metrics.none()]]);
    for (const [name, reading] of readings) {
      const before = this.#last?.readings.get(name);
      const made = before && metrics.between(before, reading);
      if (made) {
        counted.set(name, made);
        metrics.add(counted.get(kAll), made);
      }
    }
    if (this.#last) {
      this.#samples.push({ at, seconds: at - this.#last.at, counted, gauges: gaugesOf(pools), points: new Map() });
    }
    this.#last = { at, readings };
    while (this.#samples.length && this.#samples[0].at < at - kWindow - kSmooth) {
      this.#samples.shift();
    }
  }

  // Of one pool, or of all when the name is "". {at, gap, rates, wait, query, connections} each.
  points(pool) {
    return this.#samples.map((sample, index) => {
      if (!sample.points.has(pool)) {
        sample.points.set(pool, this.#point(sample, index, pool));
      }
      return sample.points.get(pool);
    });
  }

  #point(sample, index, pool) {
    const now = sample.counted.get(pool) ?? metrics.none();
    const lately = metrics.none();
    for (let i = index; i >= 0 && this.#samples[i].at > sample.at - kSmooth; i -= 1) {
      metrics.add(lately, this.#samples[i].counted.get(pool) ?? metrics.none());
    }
    return {
      at: sample.at,
      gap: sample.seconds > kGap,
      rates: [now.queries / sample.seconds, now.errors / sample.seconds],
      wait: quantiles(lately.wait),
      query: quantiles(lately.query),
      connections: sample.gauges.get(pool) ?? [0, 0, 0],
    };
  }
}

function gaugesOf(pools) {
  const gauges = new Map([[kAll, [0, 0, 0]]]);
  for (const pool of pools) {
    const its = [pool.used + pool.connecting, pool.idle, pool.waiting];
    for (const name of [kAll, pool.name]) {
      const sum = gauges.get(name) ?? [0, 0, 0];
      gauges.set(name, sum.map((value, i) => value + its[i]));
    }
  }
  return gauges;
}

function quantiles(histogram) {
  return [0.5, 0.95, 0.99].map((share) => metrics.quantile(histogram, share));
}
