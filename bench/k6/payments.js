// The payments API as the scenarios use it: where it is, who asks, what counts as a failure.
//
// Environment:
//   BASE_URL    base of the API (http://127.0.0.1:8080/api)
//   MERCHANT    name of the merchants (merchant); with MERCHANTS=1 exactly this one
//   MERCHANTS   how many there are (1000)
//   API_KEY     bearer key, when the engine asks for one
//   CURRENCY    currency of all payments (USD)
//   P95_MS      threshold of the 95th percentile, milliseconds (100)
//   ERROR_RATE  threshold of the share of failures (0.01)

import http from 'k6/http';
import { check, sleep } from 'k6';
import exec from 'k6/execution';
import { Rate, Trend } from 'k6/metrics';

const BASE_URL = (__ENV.BASE_URL || 'http://127.0.0.1:8080/api').replace(/\/+$/, '');
const MERCHANT = __ENV.MERCHANT || 'merchant';
const MERCHANTS = Number(__ENV.MERCHANTS || 1000);
const CURRENCY = __ENV.CURRENCY || 'USD';

const declined = new Rate('payments_declined');
const completed = new Rate('flows_completed');
const completion = new Trend('flow_completion', true);

// A decline is a result, not a failure.
http.setResponseCallback(http.expectedStatuses({ min: 200, max: 202 }, 402));

export const thresholds = {
  http_req_failed: [`rate<${__ENV.ERROR_RATE || 0.01}`],
  'http_req_duration{operation:authorize}': [`p(95)<${__ENV.P95_MS || 100}`],
  dropped_iterations: ['count<1'],
};

// Whether a toggle of the environment is on.
export function enabled(name, otherwise) {
  const value = (__ENV[name] || '').toLowerCase();
  return value === '' ? otherwise : value === 'true' || value === '1' || value === 'yes';
}

// Tells this run's idempotency keys from those of every other; called once, from `setup`.
export function newRun() {
  return { run: `k6-${Date.now().toString(36)}-${Math.floor(Math.random() * 1e9).toString(36)}` };
}

function headers() {
  const all = { 'Content-Type': 'application/json' };
  if (__ENV.API_KEY) {
    all.Authorization = `Bearer ${__ENV.API_KEY}`;
  }
  return all;
}

// `name` groups the requests of an operation: without it every payment id would be a time series of its own.
function post(operation, path, body) {
  const tags = { operation, name: operation };
  const response = http.post(`${BASE_URL}/payments/${path}`, JSON.stringify(body), { headers: headers(), tags });
  check(response, { [`${operation} was answered`]: (answer) => answer.status === 200 || answer.status === 202 || answer.status === 402 });
  return response;
}

function merchant(iteration) {
  return MERCHANTS > 1 ? `${MERCHANT}-${String(iteration % MERCHANTS).padStart(6, '0')}` : MERCHANT;
}

// Authorizes a new payment; null when there is none to go on with.
export function authorize(data) {
  const iteration = exec.scenario.iterationInTest;
  const merchantId = merchant(iteration);
  const response = post('authorize', 'authorize', {
    merchantId,
    amount: 1000 + (iteration % 9000),
    currency: CURRENCY,
    idempotencyKey: `${data.run}-${exec.scenario.name}-${iteration}`,
  });
  declined.add(response.status === 402);
  return response.status === 200 ? { merchantId, paymentId: response.json('paymentId') } : null;
}

// Asks for the capture of a payment.
export function capture(payment) {
  return post('capture', `capture/${payment.paymentId}`, { merchantId: payment.merchantId }).status < 300;
}

// Asks for the refund of a payment.
export function refund(payment) {
  const body = { merchantId: payment.merchantId, reason: 'load' };
  return post('refund', `refund/${payment.paymentId}`, body).status < 300;
}

// Reads a payment until it is in a state, for a minute at most.
export function follow(payment, status) {
  const url = `${BASE_URL}/payments/${payment.paymentId}?merchantId=${encodeURIComponent(payment.merchantId)}`;
  const until = Date.now() + 60000;
  for (let pause = 0.02; Date.now() < until; pause = Math.min(pause * 1.5, 0.32)) {
    sleep(pause);
    const response = http.get(url, { headers: headers(), tags: { operation: 'read', name: 'read' } });
    if (response.status === 200 && response.json('status') === status) {
      return true;
    }
  }
  return false;
}

// A payment's life as far as asked for; counts it as completed when it came that far.
export function live(data, { captures, refunds, follows }) {
  const begun = Date.now();
  const payment = authorize(data);
  if (payment === null) {
    return;
  }
  let arrived = true;
  if (captures) {
    arrived = capture(payment) && (!follows || follow(payment, 'CAPTURED'));
    if (arrived && refunds) {
      arrived = refund(payment) && (!follows || follow(payment, 'REFUNDED'));
    }
  }
  completed.add(arrived);
  if (arrived) {
    completion.add(Date.now() - begun);
  }
}
