// Authorizations at a constant rate.
//
// Environment, beside that of payments.js:
//   RATE      authorizations per second (100)
//   DURATION  how long (1m)
//   VUS       most requests at a time (400)

import { authorize, newRun, thresholds } from './payments.js';

export const options = {
  scenarios: {
    authorize_only: {
      executor: 'constant-arrival-rate',
      rate: Number(__ENV.RATE || 100),
      timeUnit: '1s',
      duration: __ENV.DURATION || '1m',
      preAllocatedVUs: Math.min(50, Number(__ENV.VUS || 400)),
      maxVUs: Number(__ENV.VUS || 400),
    },
  },
  thresholds,
  summaryTrendStats: ['avg', 'med', 'p(95)', 'p(99)', 'p(99.9)', 'max'],
};

export function setup() {
  return newRun();
}

export default function (data) {
  authorize(data);
}
