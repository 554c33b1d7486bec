// Replays a history by docs/reference/history-format.md alone.
// Use: node replay.mjs PAGE FILE...   FILE: JSON lines; the first says the day asked about (as_at), the others are facts.
// It prints one line of JSON a file: {file, state, head, duties, steps} or {file, refused}.
// Written from that page: nothing of sendflow is read, and no package.
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";

// ---- the data of the page
const page = readFileSync(process.argv[2], "utf8");
const blocks = {};
for (const [, name, text] of page.matchAll(/^```json (.+)\n([^]*?)^```$/gm)) {
  blocks[name] = text.trim().split("\n").filter(Boolean).map((line) => JSON.parse(line));
}
const beforeOpening = new Set(blocks.before_opening[0]);
const processes = {};
for (const [name, rows] of Object.entries(blocks)) {
  const [what, which] = name.split(" ");
  if (which === undefined) continue;
  const known = (processes[which] ??= { facts: {}, rules: [], transitions: [] });
  if (what === "process") Object.assign(known, rows[0]);
  else if (what === "facts") for (const row of rows) known.facts[row.fact] = row;
  else known[what] = rows;
}
const everyRule = {};
for (const known of Object.values(processes)) for (const rule of known.rules) everyRule[rule.id] ??= rule;

// ---- days are numbers: days since 1970-01-01
const MS = 86400000;
const day = (text) => Date.parse(text + "T00:00:00Z") / MS;
const text = (number) => new Date(number * MS).toISOString().slice(0, 10);
const parts = (number) => text(number).split("-").map(Number);
const ymd = (year, month, date) =>
  day(`${String(year).padStart(4, "0")}-${String(month).padStart(2, "0")}-${String(date).padStart(2, "0")}`);
const MONTHS = "January February March April May June July August September October November December".split(" ");
const dayOfYear = (words, year) => ymd(year, MONTHS.indexOf(words.split(" ")[1]) + 1, Number(words.split(" ")[0]));

// ---- the calendar
const head = blocks.calendar[0];
const [first, last] = [day(head.known_from), day(head.known_to)];
const holidays = new Set(blocks.calendar.slice(1).flatMap((row) => row.bank_holidays.map(day)));
const closedDays = new Set(head.closed);
const isClosed = (number) => closedDays.has(text(number).slice(5));
const known = (number) => {
  if (number < first || number > last) throw new Error(`the calendar does not know ${text(number)}`);
  return number;
};
const weekday = (number) => (((number + 3) % 7) + 7) % 7; // 1970-01-01 was a Thursday
const isWorking = (number) => !head.weekend.includes(weekday(known(number))) && !holidays.has(number);
const nth = (start, n, step, counts) => {
  let at = start;
  for (let left = n; left > 0; ) if (counts((at += step))) left -= 1;
  return at;
};
const workingAfter = (start, n) => nth(start, n, 1, isWorking);
const workingBefore = (start, n) => nth(start, n, -1, isWorking);
const tribunalAfter = (start, n) => nth(start, n, 1, (at) => !isClosed(known(at)));
const rolledOn = (number) => (isWorking(number) ? number : workingAfter(number, 1));
const tribunalStart = (number) => {
  let at = number;
  while (isClosed(at)) at += 1;
  return rolledOn(at);
};
const corresponding = (start, months) => {
  const [year, month, date] = parts(start);
  const index = year * 12 + month - 1 + months;
  const [toYear, toMonth] = [Math.floor(index / 12), (((index % 12) + 12) % 12) + 1];
  const length = new Date(Date.UTC(toYear, toMonth, 0)).getUTCDate();
  return ymd(toYear, toMonth, Math.min(date, length));
};
const birthdays = (born, years) => {
  const [year, month, date] = parts(born);
  const leap = new Date(Date.UTC(year + years, 1, 29)).getUTCMonth() === 1;
  if (month === 2 && date === 29 && !leap) return [ymd(year + years, 3, 1), ymd(year + years, 2, 28)];
  return same(ymd(year + years, month, date));
};
const same = (number) => [number, number];

// ---- dates
const UNITS = ["days", "weeks", "months", "working_days", "institution_days", "years"];
const amount = (length) => length[UNITS.find((unit) => length[unit] !== undefined)];
const inDays = (length) => (length.weeks !== undefined ? length.weeks * 7 : length.days);
const COUNTS = {
  after: (s, l) => [s + inDays(l), s + inDays(l) - 1],
  beginning_with: (s, l) => same(s + inDays(l) - 1),
  days_before: (s, l) => [s - inDays(l), s - inDays(l) - 1],
  working_days_after: (s, l) => same(workingAfter(s, amount(l))),
  working_days_beginning_with: (s, l) => same(workingAfter(s - 1, amount(l))),
  working_days_before: (s, l) => [workingBefore(s, amount(l)), workingBefore(s, amount(l) + 1)],
  tribunal_working_days_after: (s, l) => same(nth(s, amount(l), 1, (at) => isWorking(at) && !isClosed(at))),
  tribunal_days_after: (s, l) => same(rolledOn(tribunalAfter(s, inDays(l)))),
  corresponding_date: (s, l) => same(corresponding(s, amount(l))),
  corresponding_date_tribunal_start: (s, l) => same(corresponding(s, amount(l))),
  corresponding_date_tribunal_days: (s, l) => same(rolledOn(tribunalAfter(s, corresponding(s, amount(l)) - s))),
  month_beginning_with: (s, l) => {
    const end = corresponding(s, amount(l));
    return parts(end)[2] === parts(s)[2] ? same(end - 1) : [end, end - 1];
  },
  months_before: (s, l) => [corresponding(s, -amount(l)), corresponding(s, -amount(l)) - 1],
};
const WITHOUT_DATE = new Set(["none", "immediate", "local", "as_directed", "as_named"]);

function countLengths(period, counts, on, given) {
  const lengths = period.later_of ?? period.earlier_of ?? [period];
  const found = lengths
    .map((length) => [length, (length.start ?? "on") === "on" ? on : given[length.start]])
    .filter(([, start]) => start !== undefined)
    .map(([length, start]) => COUNTS[counts](start, length));
  const choose = period.earlier_of ? Math.min : Math.max;
  const both = [0, 1].map((which) => choose(...found.map((each) => each[which])));
  return counts === "corresponding_date_tribunal_start" ? both.map(tribunalStart) : both;
}

function count(period, on, given) {
  switch (period.counts) {
    case "institution_days_after": {
      const { closed_from: from, reopens_on: until } = given;
      const shut = (at) => from !== undefined && until !== undefined && at >= from && at < until;
      return same(nth(on, amount(period), 1, (at) => isWorking(at) && !shut(at)));
    }
    case "closure_window":
      if (given.reopens_on - on < period.closed_at_least_days) return [null, null];
      return same((period.back_from === "on" ? on : given[period.back_from]) - inDays(period));
    case "appeal_period": {
      const { due } = datesOf(everyRule[period.follows], on, given);
      return due === null ? [null, null] : same(due + inDays(period));
    }
    case "prescribed_day": {
      const [reached] = birthdays(on, amount(period));
      const year = parts(reached)[0];
      const days = [year, year + 1].flatMap((each) => period.prescribed.map((words) => dayOfYear(words, each)));
      return same(Math.min(...days.filter((each) => each >= reached)));
    }
    case "birthday":
      return birthdays(on, amount(period));
    case "before_fixed_date": {
      const except = (period.before_except ?? []).find((each) => day(each.on) === on);
      return same(dayOfYear((except ?? period).before, parts(on)[0]) - 1);
    }
  }
  if (period.day_itself) {
    const itself = given[period.day_itself.input];
    if (on <= workingBefore(itself, period.day_itself.known_working_days_before)) return [itself, itself, "day_itself"];
  }
  const [due, strict] = countLengths(period, period.counts, on, given);
  if (!period.strict_reading) return [due, strict];
  const other = countLengths(period, period.strict_reading.counts, on, given);
  return [due, other[period.strict_reading.takes === "due" ? 0 : 1]];
}

function datesOfVersion(rule, period, on, given) {
  if (period.repealed) return { due: null, strict: null, how: "counted" };
  const replaced = given[rule.replaced_by];
  if (replaced !== undefined) return { due: replaced, strict: replaced, how: "replaced" };
  if (WITHOUT_DATE.has(period.counts)) return { due: null, strict: null, how: "counted" };
  let [due, strict, how = "counted"] = count(period, on, given);
  const earlier = given[rule.strict_start];
  if (earlier !== undefined && earlier < on && strict !== null) {
    strict = Math.min(strict, count(period, earlier, given)[1] ?? strict);
  }
  if ((rule.bound ?? "by") !== "by" && due !== null) strict = due + (period.strict_adds_days ?? 0);
  return { due, strict, how };
}

function datesOf(rule, on, given) {
  const versions = [...rule.period].reverse();
  for (const period of versions) {
    const from = period.from === undefined ? -Infinity : day(period.from);
    const byDueDate = ["birthday", "prescribed_day"].includes(rule.period[0].counts);
    if (!byDueDate && from > on) continue;
    const dates = datesOfVersion(rule, period, on, given);
    if (byDueDate && period.from !== undefined && !(dates.due !== null && dates.due >= from)) continue;
    const excuses = new Set(period.excuses ?? []);
    for (const overlay of rule.excuse_overlay ?? []) {
      const within = dates.due !== null && day(overlay.due_from) <= dates.due && dates.due <= day(overlay.due_to);
      if (within && (overlay.only_limb ?? dates.how) === dates.how) overlay.add.forEach((each) => excuses.add(each));
    }
    return { ...dates, excuses };
  }
  throw new Error(`${rule.id} has no version for ${text(on)}`);
}

const furtherDays = (rule, data) =>
  Object.fromEntries(Object.keys(rule.inputs ?? {}).filter((name) => data[name]).map((name) => [name, day(data[name])]));
const calculated = (rule, on, data) => datesOf(rule, on, furtherDays(rule, data));

// ---- facts in force
const isCorrection = (fact) => fact.kind === "fact_corrected" || fact.kind === "fact_withdrawn";
const order = (a, b) => a[0] - b[0] || a[1] - b[1];
const place = (fact) => [fact.on, fact.seq];

function inForce(facts) {
  const corrections = facts.filter(isCorrection);
  const gone = new Set();
  for (const each of [...corrections].reverse()) {
    if (each.kind === "fact_withdrawn" && !gone.has(each.seq)) gone.add(each.corrects);
  }
  const left = new Map(facts.filter((fact) => !gone.has(fact.seq)).map((fact) => [fact.seq, fact]));
  for (const { seq, kind, corrects, data } of corrections) {
    const target = left.get(corrects);
    if (gone.has(seq) || kind !== "fact_corrected" || target === undefined) continue;
    const { occurred_on: on, reason, ...fields } = data;
    left.set(corrects, { ...target, on: on ? day(on) : target.on, data: { ...target.data, ...fields } });
  }
  return [...left.values()].sort((a, b) => order(place(a), place(b)));
}

// ---- state
function stateOf(facts) {
  const opening = facts.find(
    (fact) => !beforeOpening.has(fact.kind) && processes[fact.process].openings.includes(fact.kind),
  );
  const its = processes[opening.process];
  const machine = Math.max(...facts.map((fact) => fact.machine));
  const moves = {};
  for (const row of its.transitions.filter((each) => each.machines.includes(machine))) {
    for (const from of row.from) moves[`${from} ${row.fact}`] = row.to;
  }
  let state = its.opens_in[opening.kind] ?? moves[`${its.initial} ${opening.kind}`] ?? its.initial;
  const at = facts.indexOf(opening);
  const early = facts.slice(0, at).find((fact) => !beforeOpening.has(fact.kind));
  if (early) throw new Refused(early);
  for (const fact of facts.slice(at + 1)) {
    const definition = its.facts[fact.kind];
    if (definition === undefined) throw new Refused(fact);
    const accepted = definition.accepted_in ?? [];
    const final = its.final.includes(state);
    const move = moves[`${state} ${fact.kind}`];
    if (move !== undefined) state = move;
    else if (accepted === "all" || (accepted === "open" && !final) || accepted.includes(state)) continue;
    else if (its.out_of_order_from === null || machine < its.out_of_order_from || final) throw new Refused(fact);
    else if (definition.opens || state in (definition.impossible_in ?? {})) throw new Refused(fact);
  }
  return [its, state];
}

function itemsOf(its, facts) {
  const items = {};
  const machine = Math.max(...facts.map((fact) => fact.machine));
  const known = (its.items?.moves ?? []).filter((each) => each.machines.includes(machine));
  for (const fact of facts) {
    const moves = known.filter((each) => each.fact === fact.kind);
    if (!moves.length) continue;
    const code = fact.data.item;
    const adds = moves[0].from === undefined;
    if (adds === code in items) throw new Refused(fact);
    const move = adds ? moves[0] : moves.find((each) => each.from === items[code]);
    if (move !== undefined) items[code] = move.to;
  }
  return items;
}

class Refused extends Error {
  constructor(fact) {
    super(`fact ${fact.seq}, ${fact.kind} of ${text(fact.on)},`);
  }
}

// ---- duties
const has = (words, word) => (words ?? []).includes(word);
const isOpen = (duty) => duty.met_on === null && duty.ended_on === null;
const latest = (places) => places.reduce((a, b) => (order(a, b) >= 0 ? a : b), [-Infinity, 0]);

function effectsOf(rule, kind) {
  const effects = [];
  const add = (words, effect) => {
    for (const each of words ?? []) if (each === kind) effects.push([effect, (rule.only_after ?? {})[kind]]);
  };
  add(rule.met_by, "meet");
  add([...(rule.ends ?? []), "person_died"], "end");
  add(rule.reopened_by, "reopen");
  add(rule.superseded_by, "supersede");
  add(rule.provisional?.ends, "lapse");
  if (rule.resumed_by?.[kind]) effects.push(["resume", rule.resumed_by[kind]]);
  return effects;
}

const sameBody = (duty, data) =>
  duty.body === data.body && (data.service == null || duty.service === null || duty.service === data.service);

function about(duties, rule, data, effect) {
  if (rule.per === "item" && "item" in data) return duties.filter((duty) => duty.item === data.item);
  if (data.opened_seq != null) return duties.filter((duty) => duty.opened_seq === data.opened_seq);
  if (rule.per !== "body") return duties;
  if ("body" in data) return duties.filter((duty) => sameBody(duty, data));
  const without = effect === "end" ? [] : duties.filter((duty) => duty.body === null);
  return without.length ? without : duties;
}

function apply(duty, effect, fact) {
  const { rule } = duty;
  if (effect === "meet") {
    const another = rule.met_by_each && !duty.met_for.includes(fact.data.body);
    if (duty.ended_on !== null || (duty.met_on !== null && !another)) return;
    if (rule.met_if?.length) {
      duty.said.push(fact.data);
      const says = (clause) =>
        duty.said.some((data) => Object.entries(clause).some(([key, words]) => words.includes(data[key])));
      if (!rule.met_if.every(says)) return;
    }
    Object.assign(duty, { met_on: fact.on, met_seq: fact.seq, met_by: fact.kind });
    duty.met_for.push(fact.data.body);
  } else if (effect === "reopen" || effect === "resume") {
    Object.assign(duty, { met_on: null, met_seq: null, met_by: null, ended_on: null, ended_seq: null });
  } else {
    if (effect === "lapse" && !duty.provisional) return;
    if (isOpen(duty)) Object.assign(duty, { ended_on: fact.on, ended_seq: fact.seq });
    if (effect !== "end") duty.superseded = true;
  }
}

function dutiesOf(its, facts) {
  const duties = [];
  const soFar = [];
  const supplied = {};
  const placesOf = (kinds) => soFar.filter((fact) => kinds.includes(fact.kind)).map(place);
  for (const fact of facts) {
    const { kind, data } = fact;
    for (const rule of its.rules) {
      for (const [effect, kinds] of effectsOf(rule, kind)) close(rule, effect, kinds, fact);
    }
    for (const rule of its.rules) {
      for (const [name, input] of Object.entries(rule.inputs ?? {})) {
        if (has(input.told_by, kind)) supply(rule, name, input, fact);
      }
    }
    for (const rule of its.rules) {
      for (const each of rule.starts ?? []) if (each === kind) open(rule, fact, false);
      for (const each of rule.provisional?.starts ?? []) if (each === kind) open(rule, fact, true);
    }
    soFar.push(fact);
  }
  return duties;

  function close(rule, effect, kinds, fact) {
    let found = about(duties.filter((duty) => duty.rule === rule), rule, fact.data, effect);
    if (effect === "resume") {
      const seqs = placesOf(kinds).map(([, seq]) => seq);
      found = found.filter((duty) => duty.met_on === null && seqs.includes(duty.ended_seq) && !duty.superseded);
    } else if (kinds) {
      const end = latest(placesOf(kinds));
      found = found.filter((duty) => order([duty.opened_on, duty.opened_seq], end) <= 0);
    }
    if (effect === "reopen") {
      const by = (duty) => (duty.met_on !== null ? [duty.met_on, duty.met_seq] : [duty.ended_on, duty.ended_seq]);
      found = found.filter((duty) => !isOpen(duty) && !duty.superseded);
      const end = latest(found.map(by));
      found = found.filter((duty) => order(by(duty), end) === 0);
    }
    for (const duty of found) apply(duty, effect, fact);
  }

  function supply(rule, name, input, fact) {
    const { data } = fact;
    if (data.rule != null && data.rule !== rule.id) return;
    const given = data[input.told_as ?? name] || text(fact.on);
    if (input.needed || input.told_before || rule.strict_start === name) (supplied[rule.id] ??= {})[name] = given;
    if (placesOf(input.settled_by ?? []).length) return;
    for (const duty of duties.filter((each) => each.rule === rule && isOpen(each))) {
      if (data.opened_seq != null && duty.opened_seq !== data.opened_seq) continue;
      if ("body" in data && duty.body !== null && !sameBody(duty, data)) continue;
      duty.given = { ...duty.given, [name]: given };
      duty.dates = calculated(rule, duty.started_on, duty.given);
    }
  }

  function open(rule, fact, provisional) {
    const { data } = fact;
    for (const [key, words] of Object.entries(rule.starts_if ?? {})) {
      if (!words.includes(key in data ? data[key] : "not_said")) return;
    }
    if (placesOf(rule.not_after ?? []).length) return;
    const startedOn = rule.start_day && data[rule.start_day] ? day(data[rule.start_day]) : fact.on;
    const given = { ...(supplied[rule.id] ?? {}), ...data };
    const dates = calculated(rule, startedOn, given);
    if (rule.start_by && data[rule.start_by]) dates.due = calculated(rule, day(data[rule.start_by]), given).due;
    const perBody = rule.per === "body";
    const duty = {
      rule, body: (perBody && data.body) || null, service: (perBody && data.service) || null,
      item: (rule.per === "item" && data.item) || null, opened_seq: fact.seq, opened_on: fact.on,
      started_on: startedOn, dates, given, provisional, superseded: false, said: [], met_for: [],
      met_on: null, met_seq: null, met_by: null, ended_on: null, ended_seq: null,
    };
    const others = duties.filter((each) => each.rule === rule);
    const alike = others.filter((each) => each.body === duty.body && each.item === duty.item);
    const once = rule.starts_once;
    if (once === true && alike.length) return;
    if (once === "while_open" && alike.some(isOpen)) return;
    if (once === "unless_ended" && alike.some((each) => each.ended_on === null)) return;
    if (rule.provisional && !provisional) {
      for (const other of others) {
        if (other.body === duty.body && [null, duty.service].includes(other.service)) apply(other, "lapse", fact);
      }
    }
    duties.push(duty);
    for (const [counted, undoneBy] of Object.entries(rule.counts_already ?? {})) {
      const undone = latest(placesOf(undoneBy));
      const before = soFar.find((each) => each.kind === counted && order(place(each), undone) > 0);
      if (before === undefined) continue;
      if (duty.item !== null && before.data.item !== duty.item) continue;
      if (duty.body !== null && before.data.body !== duty.body) continue;
      apply(duty, has(rule.met_by, counted) ? "meet" : "end", before);
    }
  }
}

// ---- exceptions and status
function claimsOf(facts) {
  const fields = ["ground", "rule", "body", "service", "began_on", "ended_on"];
  const claims = new Map();
  for (const { kind, seq, data } of facts) {
    const said = Object.fromEntries(fields.filter((key) => data[key] != null).map((key) => [key, data[key]]));
    if (kind === "excuse_claimed") claims.set(seq, said);
    if (kind === "excuse_decided") {
      if (!claims.has(data.claim)) throw new Error(`no claim ${data.claim}`);
      claims.set(data.claim, { ...claims.get(data.claim), ...said, decision: data.decision });
    }
  }
  return [...claims.values()].filter((claim) => claim.decision === "accepted");
}

function covers(claim, duty) {
  const { due, excuses } = duty.dates;
  if (claim.ground === undefined || !excuses.has(claim.ground) || due === null) return false;
  if (claim.rule !== undefined && claim.rule !== duty.rule.id) return false;
  if (claim.body !== undefined && claim.body !== duty.body) return false;
  if (claim.service !== undefined && claim.service !== duty.service) return false;
  const began = claim.began_on ? day(claim.began_on) : duty.started_on;
  const ended = claim.ended_on ? day(claim.ended_on) : due;
  return began <= due && ended >= duty.started_on;
}

function statusOf(duty, asAt) {
  const { rule, met_on: met, ended_on: ended } = duty;
  const { due } = duty.dates;
  const bound = rule.bound ?? "by";
  if (bound === "not_before" && due === null && met !== null) return "too_early";
  if (due === null || bound === "window") return met === null ? "no_date" : "met";
  if (bound === "not_before") {
    if (met === null) return "running";
    return met < (rule.lawful_from === "day_after_due" ? due + 1 : due) ? "too_early" : "met";
  }
  if (met !== null) {
    if (met <= due || rule.open_ended || has(rule.met_before, duty.met_by)) return "met";
    return duty.excuse ? "excused" : "met_late";
  }
  if (duty.excuse) return "excused";
  if (ended !== null && rule.contingent) return "no_date";
  const until = ended !== null ? Math.min(asAt, ended) : asAt;
  if (until > due) {
    const undecided = ended === null && (rule.contingent || duty.provisional);
    return rule.may_lapse || rule.open_ended || undecided ? "no_date" : "breached";
  }
  return until >= due - 7 ? "due_soon" : "running";
}

function daysLate(duty, asAt) {
  const { rule, met_on: met, ended_on: ended } = duty;
  const { due } = duty.dates;
  if (due === null || (rule.bound ?? "by") !== "by" || rule.open_ended || has(rule.met_before, duty.met_by)) return 0;
  if (met === null && (rule.contingent || rule.may_lapse || (duty.provisional && ended === null))) return 0;
  return Math.max(0, (met ?? (ended !== null ? Math.min(asAt, ended) : asAt)) - due);
}

// ---- one file
function replay(lines, asAt) {
  let hash = "0".repeat(64);
  for (const line of lines) hash = createHash("sha256").update(hash).update(line).digest("hex");
  const facts = inForce(lines.map((line) => JSON.parse(line)).map((fact) => ({ ...fact, on: day(fact.occurred_on) })));
  const [its, state] = stateOf(facts);
  const claims = claimsOf(facts);
  const withdrawn = new Set(facts.filter((fact) => fact.kind === "rung_withdrawn").map((fact) => fact.data.rung_seq));
  const shown = (number) => (number === null ? null : text(number));
  const duties = dutiesOf(its, facts).map((duty) => {
    duty.excuse = claims.find((claim) => covers(claim, duty));
    const ended = duty.ended_on !== null;
    return {
      rule: duty.rule.id, body: duty.body, service: duty.service, opened_seq: duty.opened_seq,
      started_on: text(duty.started_on), due: shown(duty.dates.due), strict_due: shown(duty.dates.strict),
      met_on: shown(duty.met_on), ended_on: shown(duty.ended_on),
      standing: ended ? null : statusOf(duty, asAt), days_late: ended ? null : daysLate(duty, asAt),
      excuse: duty.excuse?.ground ?? null,
    };
  });
  const steps = facts
    .filter((fact) => ["reminder_due", "breached", "escalation_due"].includes(fact.kind) && !withdrawn.has(fact.seq))
    .map((fact) => `${text(fact.on)} ${fact.data.rung}`);
  return { state, head: hash, items: itemsOf(its, facts), duties, steps };
}

for (const file of process.argv.slice(3)) {
  const [given, ...lines] = readFileSync(file, "utf8").trimEnd().split("\n");
  let found;
  try {
    found = replay(lines, day(JSON.parse(given).as_at));
  } catch (error) {
    found = error instanceof Refused ? { refused: error.message } : { error: String(error.stack) };
  }
  console.log(JSON.stringify({ file, ...found }));
}
