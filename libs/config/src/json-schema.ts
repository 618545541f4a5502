import { type SchemaNode, schemaTree } from './tree.ts';

/**
 * The configuration file as JSON Schema 2020-12, for editors and other tools. Unit and default stand in each
 * description. Rules that span several keys are not in it.
 */
export function jsonSchema(): Record<string, unknown> {
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: 'Kerkis configuration',
    ...published(schemaTree),
  };
}

/** The default of a key as it is written in the file, or what happens without it. */
export function defaultText(node: SchemaNode): string | undefined {
  if (node.default === undefined) return node.absent;
  if (typeof node.default === 'string') return node.default;
  if (Array.isArray(node.default) && node.default.length > 0) return node.default.join(', ');
  return JSON.stringify(node.default);
}

function published(node: SchemaNode): Record<string, unknown> {
  const { unit, absent, form, secret, minSize, maxSize, description, ...rest } = node;
  const copy: Record<string, unknown> = { ...rest };
  delete copy.$schema;
  const full = fullDescription(node);
  if (full !== undefined) copy.description = full;
  if (node.items !== undefined) copy.items = published(node.items);
  if (node.anyOf !== undefined) copy.anyOf = node.anyOf.map(published);
  if (node.additionalProperties) copy.additionalProperties = published(node.additionalProperties);
  if (node.propertyNames !== undefined) copy.propertyNames = published(node.propertyNames);
  if (node.properties !== undefined) {
    copy.properties = Object.fromEntries(
      Object.entries(node.properties).map(([name, child]) => [name, published(child)]),
    );
  }
  return copy;
}

function fullDescription(node: SchemaNode): string | undefined {
  if (node.description === undefined) return undefined;
  const preset = node.properties === undefined ? defaultText(node) : undefined;
  const unit = node.unit === undefined ? '' : ` Unit: ${node.unit}.`;
  const without = preset === undefined ? '' : ` Default: ${preset}.`;
  return `${node.description}${unit}${without}`;
}
