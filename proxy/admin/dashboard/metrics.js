// Reads what the charts need out of the Prometheus text: for each pool, counters and histograms.

const kLine = /^(\w+)\{([^}]*)\} (\S+)/;
const kHistograms = { sluice_pool_wait_seconds_bucket: "wait", sluice_query_duration_seconds_bucket: "query" };
const kCounters = { sluice_queries_total: "queries", sluice_transactions_total: "transactions" };

function label(labels, name) {
  const found = new RegExp(`(?:^|,)${name}="((?:[^"\\\\]|\\\\.)*)"`).exec(labels);
  return found ? found[1].replaceAll(/\\(.)/g, (_, sign) => (sign === "n" ? "\n" : sign)) : "";
}

function blank() {
  return { queries: 0, errors: 0, transactions: 0, wait: new Map(), query: new Map() };
}

// Map of pool -> {queries, errors, transactions, wait, query}; the last two map a bucket's upper
// bound in seconds to how many observations were at most that long.
export function read(text) {
  const pools = new Map();
  for (const line of text.split("\n")) {
    if (!line.startsWith("sluice_pool_wait_s") && !line.startsWith("sluice_quer") && !line.startsWith("sluice_transactions_")) {
      continue;
    }
    const match = kLine.exec(line);
    const histogram = match && kHistograms[match[1]];
    const counter = match && kCounters[match[1]];
    if (!histogram && !counter) {
      continue;
    }
    const pool = label(match[2], "pool");
    const its = pools.get(pool) ?? blank();
    pools.set(pool, its);
    const value = Number(match[3]);
    if (histogram) {
      const bound = label(match[2], "le");
      its[histogram].set(bound === "+Inf" ? Infinity : Number(bound), value);
    } else {
      its[counter] += value;
      its.errors += counter === "queries" && label(match[2], "result") === "error" ? value : 0;
    }
  }
  return pools;
}

// What happened between two readings; null when the counters began anew (a restart).
export function between(before, after) {
  const made = blank();
  for (const name of ["queries", "errors", "transactions"]) {
    made[name] = after[name] - before[name];
    if (made[name] < 0) {
      return null;
    }
  }
  for (const name of ["wait", "query"]) {
    for (const [bound, value] of after[name]) {
      made[name].set(bound, value - (before[name].get(bound) ?? 0));
    }
  }
  return made;
}

export function add(sum, other) {
  for (const name of ["queries", "errors", "transactions"]) {
    sum[name] += other[name];
  }
  for (const name of ["wait", "query"]) {
    for (const [bound, value] of other[name]) {
      sum[name].set(bound, (sum[name].get(bound) ?? 0) + value);
    }
  }
  return sum;
}

export const none = blank;

// Within the bucket that holds it, as if its observations lay evenly; null without observations.
// What lies beyond the last bound is told as that bound.
export function quantile(histogram, share) {
  const bounds = [...histogram.keys()].sort((a, b) => a - b);
  const total = histogram.get(Infinity) ?? 0;
  if (total <= 0) {
    return null;
  }
  const rank = share * total;
  let lower = 0;
  let below = 0;
  for (const bound of bounds) {
    const upTo = histogram.get(bound);
    if (upTo >= rank) {
      return bound === Infinity ? lower : lower + (bound - lower) * ((rank - below) / Math.max(upTo - below, 1e-9));
    }
    lower = bound;
    below = upTo;
  }
  return lower;
}
