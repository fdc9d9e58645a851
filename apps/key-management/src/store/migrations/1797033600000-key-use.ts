import { rolesOf, tenantTableSql, type Migration } from '@tollgate/postgres';
import type { QueryRunner } from 'typeorm';

const TABLES = [
  // The sums of usage-billing's last message about each key that was ever used. Those of a day, a week and a month are
  // of the periods, in UTC, in which `day` lies. sequence grows with every change of the sums.
  `CREATE TABLE keys.api_key_use (
    organization_id text NOT NULL,
    api_key_id uuid NOT NULL,
    sequence bigint NOT NULL,
    requests bigint NOT NULL,
    input_tokens bigint NOT NULL,
    output_tokens bigint NOT NULL,
    charged_nano_usd bigint NOT NULL,
    day date NOT NULL,
    charged_today_nano_usd bigint NOT NULL,
    charged_this_week_nano_usd bigint NOT NULL,
    charged_this_month_nano_usd bigint NOT NULL,
    last_used_at timestamptz NOT NULL,
    last_used_from text,
    CONSTRAINT api_key_use_pk PRIMARY KEY (organization_id, api_key_id)
  )`,
  'CREATE INDEX api_key_use_by_last_use ON keys.api_key_use (organization_id, last_used_at, api_key_id)',
  'CREATE INDEX api_key_use_by_charge ON keys.api_key_use (organization_id, charged_nano_usd, api_key_id)',
  // addresses are the last ones that the secret was used from, the newest first: [{"address", "lastUsedAt"}].
  `CREATE TABLE keys.api_key_secret_use (
    organization_id text NOT NULL,
    api_key_id uuid NOT NULL,
    secret_id uuid NOT NULL,
    requests bigint NOT NULL,
    charged_nano_usd bigint NOT NULL,
    last_used_at timestamptz NOT NULL,
    addresses jsonb NOT NULL,
    CONSTRAINT api_key_secret_use_pk PRIMARY KEY (organization_id, api_key_id, secret_id)
  )`,
];

/** The consumer stores the use of keys that exist, whosever they are. */
const KNOWN_KEYS = `GRANT SELECT (id, organization_id) ON keys.api_key TO ${rolesOf('keys').allTenants}`;

/** Use of keys stands beside the keys and not in them, so that it neither changes nor locks a key. */
export class KeyUse1797033600000 implements Migration {
  name = 'KeyUse1797033600000';
  readonly readableFrom = '0.1.0';

  async up(runner: QueryRunner): Promise<void> {
    const rights = { schema: 'keys', service: 'SELECT', allTenants: 'SELECT, INSERT, UPDATE' } as const;
    const tables = ['api_key_use', 'api_key_secret_use'].flatMap((table) => tenantTableSql({ ...rights, table }));
    for (const statement of [...TABLES, ...tables, KNOWN_KEYS]) await runner.query(statement);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE keys.api_key_secret_use, keys.api_key_use');
  }
}
