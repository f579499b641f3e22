// Payments that are authorized, captured and refunded, each followed to its final state by reading it.
//
// Environment, beside that of payments.js:
//   RATE            payments begun per second (20)
//   DURATION        how long (1m)
//   VUS             most payments at a time (1000)
//   ENABLE_CAPTURE  whether payments are captured (true)
//   ENABLE_REFUND   whether captured payments are refunded (true)
//   ENABLE_FOLLOW   whether each is read until its state is final (true; without it a refund may come too early)

import { enabled, live, newRun, thresholds } from './payments.js';

const way = {
  captures: enabled('ENABLE_CAPTURE', true),
  refunds: enabled('ENABLE_REFUND', true),
  follows: enabled('ENABLE_FOLLOW', true),
};

export const options = {
  scenarios: {
    full_flow: {
      executor: 'constant-arrival-rate',
      rate: Number(__ENV.RATE || 20),
      timeUnit: '1s',
      duration: __ENV.DURATION || '1m',
      preAllocatedVUs: Math.min(100, Number(__ENV.VUS || 1000)),
      maxVUs: Number(__ENV.VUS || 1000),
      gracefulStop: '65s',
    },
  },
  thresholds: Object.assign({ flows_completed: ['rate>0.99'] }, thresholds),
  summaryTrendStats: ['avg', 'med', 'p(95)', 'p(99)', 'max'],
};

export function setup() {
  return newRun();
}

export default function (data) {
  live(data, way);
}
