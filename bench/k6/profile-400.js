// Eight minutes: warm-up at 50 a second, ramp from 100 to 400, sustain 400, cool down.
//
// Environment, beside that of payments.js:
//   PEAK            the rate that is sustained (400); the others keep their proportion to it
//   TIME_SCALE      1 is eight minutes; 0.05 is 24 seconds, to see that everything works (1)
//   VUS             most payments at a time (2000)
//   ENABLE_CAPTURE, ENABLE_REFUND, ENABLE_FOLLOW  as in full-flow.js, but off unless turned on

import { enabled, live, newRun, thresholds } from './payments.js';

const PEAK = Number(__ENV.PEAK || 400);
const TIME_SCALE = Number(__ENV.TIME_SCALE || 1);

const way = {
  captures: enabled('ENABLE_CAPTURE', false),
  refunds: enabled('ENABLE_REFUND', false),
  follows: enabled('ENABLE_FOLLOW', false),
};

function stage(seconds, share) {
  const duration = `${Math.max(1, Math.round(seconds * TIME_SCALE))}s`;
  return { duration, target: Math.max(1, Math.round(PEAK * share)) };
}

export const options = {
  scenarios: {
    profile: {
      executor: 'ramping-arrival-rate',
      startRate: Math.max(1, Math.round(PEAK / 8)),
      timeUnit: '1s',
      stages: [
        stage(60, 1 / 8),
        { duration: '0s', target: Math.max(1, Math.round(PEAK / 4)) },
        stage(120, 1),
        stage(240, 1),
        stage(60, 1 / 8),
      ],
      preAllocatedVUs: Math.min(100, Number(__ENV.VUS || 2000)),
      maxVUs: Number(__ENV.VUS || 2000),
      gracefulStop: '65s',
    },
  },
  thresholds,
  summaryTrendStats: ['avg', 'med', 'p(95)', 'p(99)', 'p(99.9)', 'max'],
};

export function setup() {
  return newRun();
}

export default function (data) {
  live(data, way);
}
