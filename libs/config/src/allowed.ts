import type { SchemaNode } from './tree.ts';

/** What a key takes, in words: for error messages and the reference page. */
export function allowedText(node: SchemaNode): string {
  if (node.enum !== undefined) return `one of ${node.enum.join(', ')}`;
  if (node.minSize !== undefined) {
    return `a size from ${node.minSize} to ${node.maxSize}: a whole number of bytes, or with a suffix such as 16MiB or 50GB`;
  }
  switch (node.type) {
    case 'boolean':
      return 'true or false';
    case 'integer':
      return `${node.multipleOf === 2 ? 'an even' : 'a whole'} number from ${node.minimum} to ${node.maximum}${unitText(node)}`;
    case 'number':
      return `a number from ${node.minimum} to ${node.maximum}${unitText(node)}`;
    case 'string':
      return node.form ?? 'text';
    case 'array':
      return `a list, each item ${allowedText(node.items ?? {})}`;
    default:
      return groupText(node);
  }
}

function unitText(node: SchemaNode): string {
  return node.unit === undefined ? '' : ` (${node.unit})`;
}

function groupText(node: SchemaNode): string {
  if (node.properties !== undefined) return `a group of the keys ${Object.keys(node.properties).join(', ')}`;
  if (node.additionalProperties) return `a map from name to ${allowedText(node.additionalProperties)}`;
  return 'a value';
}
