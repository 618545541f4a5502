import { z } from 'zod';

/** What a key says about itself besides its type: the source of the JSON Schema, the reference page and error messages. */
export interface SettingMeta {
  /** What the key does, in one or two sentences, without default. */
  readonly description: string;
  /** Unit of a number. The key's name ends in it as well. */
  readonly unit?: string;
  /** What happens when an optional key is not given. */
  readonly absent?: string;
  /** The value must not be printed. */
  readonly secret?: boolean;
}

/** A whole number within bounds. */
export function integer(meta: SettingMeta & { unit: string }, min: number, max: number, preset: number) {
  return z.int().min(min).max(max).default(preset).meta(plain(meta));
}

/** A whole number within bounds that may be left out. */
export function optionalInteger(
  meta: SettingMeta & { unit: string; absent: string },
  min: number,
  max: number,
) {
  return z.int().min(min).max(max).exactOptional().meta(plain(meta));
}

/** A number within bounds, fractions allowed. */
export function decimal(meta: SettingMeta & { unit: string }, min: number, max: number, preset: number) {
  return z.number().min(min).max(max).default(preset).meta(plain(meta));
}

/** A size in bytes: a whole number, or a number with a suffix such as `50GiB`; always a number of bytes once read. */
export function byteSize(meta: SettingMeta, min: string, max: string, preset: string) {
  const bounds = { unit: 'bytes', minSize: min, maxSize: max };
  return z
    .union([z.int().min(0), z.string().regex(sizePattern)])
    .transform(toBytes)
    .pipe(z.int().min(toBytes(min)).max(toBytes(max)))
    .prefault(preset)
    .meta({ ...plain(meta), ...bounds });
}

/** Yes or no. */
export function flag(meta: SettingMeta, preset: boolean) {
  return z.boolean().default(preset).meta(plain(meta));
}

/** One of a closed set of words. */
export function choice<const T extends readonly [string, ...string[]]>(
  meta: SettingMeta,
  allowed: T,
  preset: T[number],
) {
  return z
    .enum(allowed)
    .default(preset as never)
    .meta(plain(meta));
}

/** Text of at least one character, of a form when one is given. */
export function text(meta: SettingMeta, preset: string, form?: TextForm) {
  return textOf(form).default(preset).meta(plain(meta, form));
}

/** Text that may be left out. */
export function optionalText(meta: SettingMeta & { absent: string }, form?: TextForm) {
  return textOf(form).exactOptional().meta(plain(meta, form));
}

/** Text that must be given; for items of lists. */
export function requiredText(meta: SettingMeta, form: TextForm) {
  return textOf(form).meta(plain(meta, form));
}

/** A list of at most 256 values. */
export function list<T extends z.ZodType>(meta: SettingMeta, item: T, preset: readonly z.output<T>[]) {
  return z
    .array(item)
    .max(256)
    .default([...preset] as never)
    .meta(plain(meta));
}

/** A group of keys; all of it may be left out. */
export function section<T extends z.core.$ZodLooseShape>(description: string, shape: T) {
  return z
    .strictObject(shape)
    .prefault({} as never)
    .meta({ description });
}

/** A pattern, and what it wants in words. */
export interface TextForm {
  readonly pattern: RegExp;
  readonly form: string;
}

/** An absolute `http` or `https` address without query. */
export const httpUrl: TextForm = {
  pattern: /^https?:\/\/[^\s/?#]+(\/[^\s?#]*)?$/,
  form: 'an address such as http://host:8080',
};

/** An origin as browsers send it, or `*`. */
export const origin: TextForm = {
  pattern: /^(\*|https?:\/\/[^\s/?#]+)$/,
  form: 'an origin such as https://studio.example.com, or *',
};

const sizePattern = /^\d{1,15}(\.\d{1,6})? ?(B|kB|MB|GB|TB|KiB|MiB|GiB|TiB)$/;

const sizeFactors: Readonly<Record<string, number>> = {
  B: 1,
  kB: 1e3,
  MB: 1e6,
  GB: 1e9,
  TB: 1e12,
  KiB: 2 ** 10,
  MiB: 2 ** 20,
  GiB: 2 ** 30,
  TiB: 2 ** 40,
};

function toBytes(size: number | string): number {
  if (typeof size === 'number') return size;
  const suffix = /[A-Za-z]+$/.exec(size)?.[0] ?? '';
  return Math.round(Number.parseFloat(size) * (sizeFactors[suffix] ?? Number.NaN));
}

function textOf(form: TextForm | undefined) {
  const base = z.string().min(1).max(4096);
  return form === undefined ? base : base.regex(form.pattern);
}

function plain(meta: SettingMeta, form?: TextForm): Record<string, unknown> & { description: string } {
  return form === undefined ? { ...meta } : { ...meta, form: form.form };
}
