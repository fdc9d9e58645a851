import { Inject, Injectable } from '@nestjs/common';
import { ADMIN_API_SETTINGS, type AdminApiSettings } from '@tollgate/auth';

/** The pages that links lead to. */
export type LinkedPage = 'password-reset' | 'email-confirmation' | 'sign-in-link' | 'invitation';

/**
 * Links to our pages. They come from the configured origin, never from a request, whose `Host` anybody can choose. The
 * token stands behind `#`: browsers send that part to no server, neither in the request nor as `Referer`.
 */
@Injectable()
export class Links {
  constructor(@Inject(ADMIN_API_SETTINGS) private readonly settings: Pick<AdminApiSettings, 'publicUrl'>) {}

  to(page: LinkedPage, token: string): string {
    return linkTo(this.settings.publicUrl, page, token);
  }

  /** The address of a page without a token. */
  page(page: LinkedPage): string {
    return `${this.settings.publicUrl}/${page}`;
  }
}

/** As `Links.to`, for a process that has no application. */
export const linkTo = (publicUrl: string, page: LinkedPage, token: string): string =>
  `${publicUrl}/${page}#token=${token}`;
