/** The version, from package.json at build time and while developing alike. */
import manifest from '../../package.json' with { type: 'json' };

export const VERSION: string = manifest.version;
