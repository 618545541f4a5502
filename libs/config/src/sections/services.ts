import { httpUrl, section, text } from '../setting.ts';

/** Where the services of the mesh find each other. */
export const services = section(
  'Where the services find each other. The standalone process does not use them: there they are one process.',
  {
    catalog: address('catalog'),
    upload: address('upload'),
    transcode: address('transcode planner'),
    delivery: address('delivery'),
  },
);

function address(service: string) {
  return text(
    {
      description: `Address of the ${service} service. A name with several addresses is balanced over all of them.`,
    },
    'http://127.0.0.1:4400',
    httpUrl,
  );
}
