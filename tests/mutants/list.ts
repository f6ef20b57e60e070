/**
 * All planted bugs: those of each part, and those that need no other text, since they replace a
 * rule or a port. Owns the one list; what each of them breaks is said in `parts/`.
 *
 * @module
 */

import { PLANTED_BUGS } from "../property/planted_bugs.ts";
import type { Mutant } from "./mutant.ts";
import { CHAT } from "./parts/chat.ts";
import { CLIENT } from "./parts/client.ts";
import { CORE } from "./parts/core.ts";
import { DRIVER } from "./parts/driver.ts";
import { HEALING } from "./parts/healing.ts";
import { STORAGE } from "./parts/storage.ts";

const REPLACED: readonly Mutant[] = PLANTED_BUGS.map(({ name, part, choices, seed }) => ({
  name,
  part,
  edit: null,
  campaign: { of: "clusters", choices, seed },
}));

export const MUTANTS: readonly Mutant[] = [
  ...REPLACED,
  ...CORE,
  ...DRIVER,
  ...STORAGE,
  ...CHAT,
  ...CLIENT,
  ...HEALING,
];
