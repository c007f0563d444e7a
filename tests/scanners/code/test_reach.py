"""Ways in which a function reaches a store through other code: path mappings, extensions, scopes, bindings."""

from __future__ import annotations

from code_samples import found, scan_files


def test_modules_are_found_by_the_path_mapping_of_the_compiler() -> None:
    files = {
        "package.json": '{"dependencies": {"@prisma/client": "5", "pg": "8", "bull": "4"}}',
        "tsconfig.base.json": """{
          // comments and trailing commas are allowed here
          "compilerOptions": {"baseUrl": ".", "paths": {"@shop/store": ["./libs/kernel/src/database/main"], "@jobs/*": ["./libs/kernel/src/jobs/*"], /* "*": [] */},},
        }""",
        "libs/kernel/src/database/main.ts": """
            import { PrismaClient } from '@prisma/client';
            export class Store extends PrismaClient {}
        """,
        "libs/kernel/src/jobs/labels.ts": """
            import { Queue } from 'bull';
            export class Labels {
              constructor(private readonly pending: Queue<{ id: string }>) {}
              print(id: string) { return this.pending.add('print', { id }); }
            }
        """,
        "apps/api/parcels.ts": """
            import { Store } from '@shop/store';
            import { Labels } from '@jobs/labels';
            export class Parcels {
              constructor(private readonly store: Store, private readonly labels: Labels) {}
              async send(id: string) {
                await this.store.parcel.update({ where: { id } });
                await this.labels.print(id);
              }
            }
        """,
    }
    assert [name for name, *_ in found(scan_files(files))] == ["Parcels.send"]
    del files["tsconfig.base.json"]
    assert found(scan_files(files)) == []
