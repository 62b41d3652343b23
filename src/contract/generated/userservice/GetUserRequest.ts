// Original file: proto/user_service.proto


/**
 * Whom to greet.
 */
export interface GetUserRequest {
  /**
   * The user's name: 1 to 256 characters, not all of them blank.
   */
  'username'?: (string);
}

/**
 * Whom to greet.
 */
export interface GetUserRequest__Output {
  /**
   * The user's name: 1 to 256 characters, not all of them blank.
   */
  'username': (string);
}
