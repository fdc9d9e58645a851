import { cycleOf } from '@tollgate/api-key';
import { utcDay } from '../../store/utc-day.js';

/**
 * What a key of `billing.key_usage AS k` was charged for its calls of a day, a week and a month. `periodParameters`
 * gives its parameters, from `$first` on. It reads days of one key by the primary key.
 */
export function periodSums(first: number): string {
  const [day, weekFrom, weekTo, monthFrom, monthTo] = [0, 1, 2, 3, 4].map((n) => `$${first + n}::date`);
  return `CROSS JOIN LATERAL (
    SELECT coalesce(sum(charge_nano_usd) FILTER (WHERE day = ${day}), 0) AS today,
      coalesce(sum(charge_nano_usd) FILTER (WHERE day >= ${weekFrom} AND day < ${weekTo}), 0) AS this_week,
      coalesce(sum(charge_nano_usd) FILTER (WHERE day >= ${monthFrom} AND day < ${monthTo}), 0) AS this_month
    FROM billing.key_usage_day
    WHERE api_key_id = k.api_key_id AND day >= least(${weekFrom}, ${monthFrom}) AND day < greatest(${weekTo}, ${monthTo})
  ) AS sums`;
}

/** The day of `now`, in UTC, and the bounds of its week and its month. */
export function periodParameters(now: Date): string[] {
  const [week, month] = [cycleOf('weekly', now.getTime()), cycleOf('monthly', now.getTime())];
  return [now.getTime(), week.startMs, week.endMs, month.startMs, month.endMs].map(utcDay);
}
