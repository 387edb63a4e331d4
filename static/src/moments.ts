/** Times as the reader's clock and calendar show them. */
import { LANGUAGE } from "./words.ts";

const clock = new Intl.DateTimeFormat(LANGUAGE, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
const whole = new Intl.DateTimeFormat(LANGUAGE, { dateStyle: "long", timeStyle: "short", hourCycle: "h23" });
const dayThisYear = new Intl.DateTimeFormat(LANGUAGE, { weekday: "long", month: "long", day: "numeric" });
const dayWithYear = new Intl.DateTimeFormat(LANGUAGE, { weekday: "long", year: "numeric", month: "long", day: "numeric" });
const fromToday = new Intl.RelativeTimeFormat(LANGUAGE, { numeric: "auto" });

/** "14:02" */
export function timeOfDay(moment: Date): string {
  return clock.format(moment);
}

/** Date and time in full. */
export function inFull(moment: Date): string {
  return whole.format(moment);
}

/** "14:02" if that was today, else date and time. */
export function sinceWhen(moment: Date): string {
  return dayOf(moment) === dayOf(new Date()) ? timeOfDay(moment) : inFull(moment);
}

/** "2026-11-24" in the reader's zone: the same for all moments of one day. */
export function dayOf(moment: Date): string {
  const padded = (number: number): string => String(number).padStart(2, "0");
  return `${moment.getFullYear()}-${padded(moment.getMonth() + 1)}-${padded(moment.getDate())}`;
}

/** "Today", "Yesterday", "Tuesday, 3 March". */
export function dayName(moment: Date, now: Date): string {
  const midnight = (of: Date): number => new Date(of.getFullYear(), of.getMonth(), of.getDate()).getTime();
  const daysAgo = Math.round((midnight(now) - midnight(moment)) / 86_400_000);
  if (daysAgo === 0 || daysAgo === 1) return capital(fromToday.format(-daysAgo, "day"));
  return (moment.getFullYear() === now.getFullYear() ? dayThisYear : dayWithYear).format(moment);
}

function capital(text: string): string {
  return text.charAt(0).toLocaleUpperCase(LANGUAGE) + text.slice(1);
}
