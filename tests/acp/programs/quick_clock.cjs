// Has the clock of an agent run 2,000 times as fast from a moment on, for one that cannot open a session again within
// the minute in which it was made.
const since = Number(process.env.QUICK_CLOCK_SINCE);
const Real = Date;
const now = () => since + (Real.now() - since) * 2_000;

globalThis.Date = class extends Real {
  constructor(...given) {
    super(...(given.length ? given : [now()]));
  }
  static now() {
    return now();
  }
};
