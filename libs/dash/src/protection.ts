import type { Protection } from './presentation.ts';
import { element, type XmlElement } from './xml.ts';

/** What a player needs to know of an encrypted set (DASH-IF IOP 4.3, 7.5 and 7.7). */
export function contentProtection(protection: Protection | undefined): XmlElement[] {
  if (protection === undefined) return [];
  const { scheme, keyId, systems } = protection;
  const schemeIdUri = 'urn:mpeg:dash:mp4protection:2011';
  return [
    element('ContentProtection', { schemeIdUri, value: scheme, 'cenc:default_KID': keyId }),
    ...systems.map(({ systemId, name, licenseUrl, pssh }) =>
      element('ContentProtection', { schemeIdUri: `urn:uuid:${systemId}`, value: name }, [
        ...(pssh === undefined ? [] : [element('cenc:pssh', {}, pssh)]),
        ...(licenseUrl === undefined ? [] : [element('dashif:Laurl', { Lic_type: 'EME-1.0' }, licenseUrl)]),
      ]),
    ),
  ];
}
