// Numbers, durations and times as people read them. Durations are numbers of seconds.

const kNone = "–";

export function count(value) {
  return value === null || value === undefined ? kNone : Number(value).toLocaleString("en-GB");
}

export function rate(value) {
  if (value === null || value === undefined) {
    return kNone;
  }
  if (value >= 10000) {
    return `${(value / 1000).toFixed(1)} k`;
  }
  return value >= 100 ? value.toFixed(0) : value.toFixed(value > 0 && value < 10 ? 1 : 0);
}

function cut(value) {
  if (value >= 100) {
    return value.toFixed(0);
  }
  return value >= 10 ? value.toFixed(1).replace(/\.0$/, "") : value.toFixed(2).replace(/\.?0+$/, "");
}

// Short ones: 850 µs, 12.5 ms, 1.25 s, then as `age`.
export function latency(seconds) {
  if (seconds === null || seconds === undefined) {
    return kNone;
  }
  if (seconds === 0) {
    return "0";
  }
  if (seconds < 0.001) {
    return `${cut(seconds * 1e6)} µs`;
  }
  if (seconds < 1) {
    return `${cut(seconds * 1e3)} ms`;
  }
  return seconds < 60 ? `${cut(seconds)} s` : age(seconds);
}

// Long ones: 0 s, 42 s, 3 min 20 s, 5 h 2 min, 12 d 4 h.
export function age(seconds) {
  if (seconds === null || seconds === undefined) {
    return kNone;
  }
  const whole = Math.floor(seconds);
  const parts = [[86400, "d"], [3600, "h"], [60, "min"], [1, "s"]];
  const first = parts.findIndex(([size]) => whole >= size);
  if (first < 0) {
    return "0 s";
  }
  let left = whole;
  return parts.slice(first, first + 2).map(([size, unit]) => {
    const amount = Math.floor(left / size);
    left %= size;
    return amount ? `${amount} ${unit}` : "";
  }).filter(Boolean).join(" ");
}

export function bytes(value) {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let step = 0;
  let left = value;
  while (left >= 1000 && step + 1 < units.length) {
    left /= 1000;
    step += 1;
  }
  return `${cut(left)} ${units[step]}`;
}

// The time of the day here, and the day where it is another one.
export function clock(text) {
  const at = new Date(text);
  if (!text || Number.isNaN(at.getTime())) {
    return kNone;
  }
  const time = at.toLocaleTimeString("en-GB");
  return at.toDateString() === new Date().toDateString() ? time : `${at.toLocaleDateString("en-CA")} ${time}`;
}

export function plural(number, one, many = `${one}s`) {
  return `${count(number)} ${number === 1 ? one : many}`;
}
