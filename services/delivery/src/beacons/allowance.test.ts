import { expect, test } from 'vitest';
import { createAllowance } from './allowance.ts';

const each = { burst: 3, perSecond: 1 };

test('one address has a burst, then one each second, and takes nothing from others', () => {
  const takes = createAllowance({ each, all: { burst: 100, perSecond: 100 } });
  const taken = Array.from({ length: 10 }, () => takes('192.0.2.1', 0)).filter(Boolean);
  expect(taken).toHaveLength(3);
  expect(takes('192.0.2.2', 0)).toBe(true);
  expect(takes('192.0.2.1', 900)).toBe(false);
  expect(takes('192.0.2.1', 1900)).toBe(true);
  expect(takes('192.0.2.1', 1950)).toBe(false);
});

test('all together have one as well', () => {
  const takes = createAllowance({ each, all: { burst: 5, perSecond: 2 } });
  const taken = Array.from({ length: 20 }, (_, host) => takes(`192.0.2.${host}`, 0)).filter(Boolean);
  expect(taken).toHaveLength(5);
  expect(takes('192.0.2.99', 500)).toBe(true);
  expect(takes('192.0.2.98', 500)).toBe(false);
});

test.each([
  ['2001:db8:1:2::1', '2001:db8:1:2:ffff::9', true],
  ['2001:db8::1', '2001:db8:0:0:5::', true],
  ['2001:db8:1:2::1', '2001:db8:1:3::1', false],
  ['2001:db8::1', '2001:db9::1', false],
])('%s and %s are one household: %s', (first, second, isOne) => {
  const takes = createAllowance({ each: { burst: 1, perSecond: 0 }, all: { burst: 9, perSecond: 0 } });
  expect(takes(first, 0)).toBe(true);
  expect(takes(second, 0)).toBe(!isOne);
});
