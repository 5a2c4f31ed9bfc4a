/** The base model that ships with the repository. */
import { fileURLToPath } from 'node:url'

export const SHIPPED_MODEL = fileURLToPath(new URL('../models/brook-4m', import.meta.url))
