/** A database, as programs of bench/servers are told of it: the first word, in JSON. */
export interface Access {
  readonly name: string;
  readonly user: string;
  readonly password: string;
  readonly host: string;
  readonly port: number;
  readonly poolMax: number;
}
