// Original file: proto/user_service.proto


/**
 * The greeting.
 */
export interface GetUserResponse {
  /**
   * "Привет, NAME!", with the name exactly as it was sent.
   */
  'message'?: (string);
}

/**
 * The greeting.
 */
export interface GetUserResponse__Output {
  /**
   * "Привет, NAME!", with the name exactly as it was sent.
   */
  'message': (string);
}
