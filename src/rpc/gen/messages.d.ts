// Generated from proto/ by tools/generate_codecs.ts. Do not edit.

/** Bytes being written. */
export interface Writer {
  finish(): Uint8Array;
}

/** Encodes and decodes messages of one type. */
export interface Codec<T> {
  encode(message: T, writer?: Writer): Writer;
  /** Throws on bytes that are not of this type. */
  decode(bytes: Uint8Array): T;
}

export namespace jmessage {
  export namespace v1 {
    export type Quorum = number;
    export const Quorum: {
      readonly QUORUM_UNSPECIFIED: 0;
      readonly QUORUM_ALL: 1;
      readonly QUORUM_MAJORITY: 2;
    };
    export interface Term {
      epoch: number;
      number: number;
      nodeId: string;
    }
    export namespace Term {
      export function encode(message: Term, writer?: Writer): Writer;
      export function decode(bytes: Uint8Array): Term;
    }
    export interface LogPosition {
      index: number;
      term?: jmessage.v1.Term | null;
      checksum: string;
    }
    export namespace LogPosition {
      export function encode(message: LogPosition, writer?: Writer): Writer;
      export function decode(bytes: Uint8Array): LogPosition;
    }
    export interface EntryId {
      index: number;
      term?: jmessage.v1.Term | null;
    }
    export namespace EntryId {
      export function encode(message: EntryId, writer?: Writer): Writer;
      export function decode(bytes: Uint8Array): EntryId;
    }
    export interface TermStart {
      term?: jmessage.v1.Term | null;
      index: number;
    }
    export namespace TermStart {
      export function encode(message: TermStart, writer?: Writer): Writer;
      export function decode(bytes: Uint8Array): TermStart;
    }
    export interface Policy {
      quorum: jmessage.v1.Quorum;
      lastResort: boolean;
      heartbeatMs: number;
      failureTimeoutMs: number;
      isolationGraceMs: number;
    }
    export namespace Policy {
      export function encode(message: Policy, writer?: Writer): Writer;
      export function decode(bytes: Uint8Array): Policy;
    }
    export interface CreateAccountRequest {
      requestId: string;
      name: string;
      password: string;
    }
    export namespace CreateAccountRequest {
      export function encode(message: CreateAccountRequest, writer?: Writer): Writer;
      export function decode(bytes: Uint8Array): CreateAccountRequest;
    }
    export interface CreateAccountResponse {
    }
    export namespace CreateAccountResponse {
      export function encode(message: CreateAccountResponse, writer?: Writer): Writer;
      export function decode(bytes: Uint8Array): CreateAccountResponse;
    }
    export interface LoginRequest {
      requestId: string;
      name: string;
      password: string;
    }
    export namespace LoginRequest {
      export function encode(message: LoginRequest, writer?: Writer): Writer;
      export function decode(bytes: Uint8Array): LoginRequest;
    }
    export interface LoginResponse {
      token: string;
      name: string;
    }
    export namespace LoginResponse {
      export function encode(message: LoginResponse, writer?: Writer): Writer;
      export function decode(bytes: Uint8Array): LoginResponse;
    }
    export interface ListSessionsRequest {
      pageSize?: number | null;
      pageToken: string;
    }
    export namespace ListSessionsRequest {
      export function encode(message: ListSessionsRequest, writer?: Writer): Writer;
      export function decode(bytes: Uint8Array): ListSessionsRequest;
    }
    export interface ListSessionsResponse {
      sessions: readonly jmessage.v1.Session[];
      nextPageToken: string;
    }
    export namespace ListSessionsResponse {
      export function encode(message: ListSessionsResponse, writer?: Writer): Writer;
      export function decode(bytes: Uint8Array): ListSessionsResponse;
    }
    export interface Session {
      id: string;
      createdAt?: google.protobuf.Timestamp | null;
      lastUsed?: google.protobuf.Timestamp | null;
      expiresAt?: google.protobuf.Timestamp | null;
      current: boolean;
    }
    export namespace Session {
      export function encode(message: Session, writer?: Writer): Writer;
      export function decode(bytes: Uint8Array): Session;
    }
    export interface LogoutRequest {
      requestId: string;
      all: boolean;
      sessionId?: string | null;
    }
    export namespace LogoutRequest {
      export function encode(message: LogoutRequest, writer?: Writer): Writer;
      export function decode(bytes: Uint8Array): LogoutRequest;
    }
    export interface LogoutResponse {
    }
    export namespace LogoutResponse {
      export function encode(message: LogoutResponse, writer?: Writer): Writer;
      export function decode(bytes: Uint8Array): LogoutResponse;
    }
    export interface DeleteAccountRequest {
      requestId: string;
    }
    export namespace DeleteAccountRequest {
      export function encode(message: DeleteAccountRequest, writer?: Writer): Writer;
      export function decode(bytes: Uint8Array): DeleteAccountRequest;
    }
    export interface DeleteAccountResponse {
    }
    export namespace DeleteAccountResponse {
      export function encode(message: DeleteAccountResponse, writer?: Writer): Writer;
      export function decode(bytes: Uint8Array): DeleteAccountResponse;
    }
    export interface ListUsersRequest {
      pageSize?: number | null;
      pageToken: string;
    }
    export namespace ListUsersRequest {
      export function encode(message: ListUsersRequest, writer?: Writer): Writer;
      export function decode(bytes: Uint8Array): ListUsersRequest;
    }
    export interface ListUsersResponse {
      users: readonly jmessage.v1.User[];
      nextPageToken: string;
    }
    export namespace ListUsersResponse {
      export function encode(message: ListUsersResponse, writer?: Writer): Writer;
      export function decode(bytes: Uint8Array): ListUsersResponse;
    }
    export interface User {
      name: string;
      online: boolean;
      lastSeen?: google.protobuf.Timestamp | null;
    }
    export namespace User {
      export function encode(message: User, writer?: Writer): Writer;
      export function decode(bytes: Uint8Array): User;
    }
    export interface SendMessageRequest {
      requestId: string;
      to: string;
      body: string;
    }
    export namespace SendMessageRequest {
      export function encode(message: SendMessageRequest, writer?: Writer): Writer;
      export function decode(bytes: Uint8Array): SendMessageRequest;
    }
    export interface SendMessageResponse {
      id: string;
      seq: number;
      position: string;
      acceptedAt?: google.protobuf.Timestamp | null;
    }
    export namespace SendMessageResponse {
      export function encode(message: SendMessageResponse, writer?: Writer): Writer;
      export function decode(bytes: Uint8Array): SendMessageResponse;
    }
    export interface Message {
      id: string;
      seq: number;
      position: string;
      from: string;
      to: string;
      body: string;
      sentAt?: google.protobuf.Timestamp | null;
      acknowledged: boolean;
    }
    export namespace Message {
      export function encode(message: Message, writer?: Writer): Writer;
      export function decode(bytes: Uint8Array): Message;
    }
    export interface GetMessagesRequest {
      pageSize?: number | null;
      pageToken: string;
    }
    export namespace GetMessagesRequest {
      export function encode(message: GetMessagesRequest, writer?: Writer): Writer;
      export function decode(bytes: Uint8Array): GetMessagesRequest;
    }
    export interface GetMessagesResponse {
      messages: readonly jmessage.v1.Message[];
      nextPageToken: string;
    }
    export namespace GetMessagesResponse {
      export function encode(message: GetMessagesResponse, writer?: Writer): Writer;
      export function decode(bytes: Uint8Array): GetMessagesResponse;
    }
    export interface GetChatRequest {
      with: string;
      limit?: number | null;
      before?: string | null;
      after?: string | null;
    }
    export namespace GetChatRequest {
      export function encode(message: GetChatRequest, writer?: Writer): Writer;
      export function decode(bytes: Uint8Array): GetChatRequest;
    }
    export interface GetChatResponse {
      messages: readonly jmessage.v1.Message[];
      more: boolean;
    }
    export namespace GetChatResponse {
      export function encode(message: GetChatResponse, writer?: Writer): Writer;
      export function decode(bytes: Uint8Array): GetChatResponse;
    }
    export interface AcknowledgeMessagesRequest {
      requestId: string;
      ids: readonly string[];
      upTo: string;
    }
    export namespace AcknowledgeMessagesRequest {
      export function encode(message: AcknowledgeMessagesRequest, writer?: Writer): Writer;
      export function decode(bytes: Uint8Array): AcknowledgeMessagesRequest;
    }
    export interface AcknowledgeMessagesResponse {
      acknowledged: number;
      more: boolean;
    }
    export namespace AcknowledgeMessagesResponse {
      export function encode(message: AcknowledgeMessagesResponse, writer?: Writer): Writer;
      export function decode(bytes: Uint8Array): AcknowledgeMessagesResponse;
    }
    export interface SubscribeRequest {
      positions: readonly string[];
      fromUnacknowledged: boolean;
    }
    export namespace SubscribeRequest {
      export function encode(message: SubscribeRequest, writer?: Writer): Writer;
      export function decode(bytes: Uint8Array): SubscribeRequest;
    }
    export interface SubscribeResponse {
      message?: jmessage.v1.Message | null;
      heartbeat?: jmessage.v1.Heartbeat | null;
    }
    export namespace SubscribeResponse {
      export function encode(message: SubscribeResponse, writer?: Writer): Writer;
      export function decode(bytes: Uint8Array): SubscribeResponse;
    }
    export interface Heartbeat {
      position: string;
    }
    export namespace Heartbeat {
      export function encode(message: Heartbeat, writer?: Writer): Writer;
      export function decode(bytes: Uint8Array): Heartbeat;
    }
    export interface GetClusterRequest {
    }
    export namespace GetClusterRequest {
      export function encode(message: GetClusterRequest, writer?: Writer): Writer;
      export function decode(bytes: Uint8Array): GetClusterRequest;
    }
    export interface GetClusterResponse {
      clusterId: string;
      members: readonly jmessage.v1.ClusterMember[];
      leader: string;
      term: string;
    }
    export namespace GetClusterResponse {
      export function encode(message: GetClusterResponse, writer?: Writer): Writer;
      export function decode(bytes: Uint8Array): GetClusterResponse;
    }
    export interface ClusterMember {
      id: string;
      clientAddress: string;
      voter: boolean;
    }
    export namespace ClusterMember {
      export function encode(message: ClusterMember, writer?: Writer): Writer;
      export function decode(bytes: Uint8Array): ClusterMember;
    }
    export type MemberRole = number;
    export const MemberRole: {
      readonly MEMBER_ROLE_UNSPECIFIED: 0;
      readonly MEMBER_ROLE_LEADER: 1;
      readonly MEMBER_ROLE_FOLLOWER: 2;
      readonly MEMBER_ROLE_CANDIDATE: 3;
      readonly MEMBER_ROLE_LEARNER: 4;
      readonly MEMBER_ROLE_JOINER: 5;
    };
    export interface StatusRequest {
    }
    export namespace StatusRequest {
      export function encode(message: StatusRequest, writer?: Writer): Writer;
      export function decode(bytes: Uint8Array): StatusRequest;
    }
    export interface StatusResponse {
      clusterId: string;
      quorum: jmessage.v1.Quorum;
      lastResort: boolean;
      livesByLastResort: boolean;
      term: string;
      leader: string;
      tolerates: number;
      self: string;
      members: readonly jmessage.v1.StatusMember[];
      missing: readonly jmessage.v1.MissingMember[];
    }
    export namespace StatusResponse {
      export function encode(message: StatusResponse, writer?: Writer): Writer;
      export function decode(bytes: Uint8Array): StatusResponse;
    }
    export interface MissingMember {
      id: string;
      peerAddress: string;
    }
    export namespace MissingMember {
      export function encode(message: MissingMember, writer?: Writer): Writer;
      export function decode(bytes: Uint8Array): MissingMember;
    }
    export interface StatusMember {
      id: string;
      role: jmessage.v1.MemberRole;
      voter: boolean;
      clientAddress: string;
      peerAddress: string;
      term: string;
      lastIndex: number;
      commitIndex: number;
      appliedIndex: number;
      reachable: boolean;
      incarnation: number;
      certificateExpiresAt?: google.protobuf.Timestamp | null;
    }
    export namespace StatusMember {
      export function encode(message: StatusMember, writer?: Writer): Writer;
      export function decode(bytes: Uint8Array): StatusMember;
    }
    export interface DigestRequest {
      atLeastIndex?: number | null;
    }
    export namespace DigestRequest {
      export function encode(message: DigestRequest, writer?: Writer): Writer;
      export function decode(bytes: Uint8Array): DigestRequest;
    }
    export interface DigestResponse {
      id: string;
      appliedIndex: number;
      digest: string;
    }
    export namespace DigestResponse {
      export function encode(message: DigestResponse, writer?: Writer): Writer;
      export function decode(bytes: Uint8Array): DigestResponse;
    }
    export interface TransferLeadershipRequest {
      to?: string | null;
    }
    export namespace TransferLeadershipRequest {
      export function encode(message: TransferLeadershipRequest, writer?: Writer): Writer;
      export function decode(bytes: Uint8Array): TransferLeadershipRequest;
    }
    export interface TransferLeadershipResponse {
      leader: string;
      term: string;
    }
    export namespace TransferLeadershipResponse {
      export function encode(message: TransferLeadershipResponse, writer?: Writer): Writer;
      export function decode(bytes: Uint8Array): TransferLeadershipResponse;
    }
    export interface RemoveMemberRequest {
      id: string;
    }
    export namespace RemoveMemberRequest {
      export function encode(message: RemoveMemberRequest, writer?: Writer): Writer;
      export function decode(bytes: Uint8Array): RemoveMemberRequest;
    }
    export interface RemoveMemberResponse {
      members: readonly string[];
    }
    export namespace RemoveMemberResponse {
      export function encode(message: RemoveMemberResponse, writer?: Writer): Writer;
      export function decode(bytes: Uint8Array): RemoveMemberResponse;
    }
    export interface ListSalvagedRequest {
      pageSize?: number | null;
      pageToken: string;
    }
    export namespace ListSalvagedRequest {
      export function encode(message: ListSalvagedRequest, writer?: Writer): Writer;
      export function decode(bytes: Uint8Array): ListSalvagedRequest;
    }
    export interface ListSalvagedResponse {
      records: readonly jmessage.v1.SalvageRecord[];
      nextPageToken: string;
    }
    export namespace ListSalvagedResponse {
      export function encode(message: ListSalvagedResponse, writer?: Writer): Writer;
      export function decode(bytes: Uint8Array): ListSalvagedResponse;
    }
    export interface SalvageRecord {
      seq: number;
      requestId: string;
      kind: string;
      accountId: string;
      from?: string | null;
      toAccountId?: string | null;
      to?: string | null;
      body?: string | null;
      messageIds: readonly string[];
      acceptedAt?: google.protobuf.Timestamp | null;
      reason: string;
      acknowledged: boolean;
    }
    export namespace SalvageRecord {
      export function encode(message: SalvageRecord, writer?: Writer): Writer;
      export function decode(bytes: Uint8Array): SalvageRecord;
    }
    export interface RotateAdminTokenRequest {
      requestId: string;
      tokenHash: string;
    }
    export namespace RotateAdminTokenRequest {
      export function encode(message: RotateAdminTokenRequest, writer?: Writer): Writer;
      export function decode(bytes: Uint8Array): RotateAdminTokenRequest;
    }
    export interface RotateAdminTokenResponse {
    }
    export namespace RotateAdminTokenResponse {
      export function encode(message: RotateAdminTokenResponse, writer?: Writer): Writer;
      export function decode(bytes: Uint8Array): RotateAdminTokenResponse;
    }
    export interface BackupRequest {
      atLeastIndex: number;
    }
    export namespace BackupRequest {
      export function encode(message: BackupRequest, writer?: Writer): Writer;
      export function decode(bytes: Uint8Array): BackupRequest;
    }
    export interface BackupResponse {
      header?: jmessage.v1.BackupHeader | null;
      terms?: jmessage.v1.BackupTerms | null;
      chunk?: jmessage.v1.BackupChunk | null;
      end?: jmessage.v1.BackupEnd | null;
    }
    export namespace BackupResponse {
      export function encode(message: BackupResponse, writer?: Writer): Writer;
      export function decode(bytes: Uint8Array): BackupResponse;
    }
    export interface BackupHeader {
      clusterId: string;
      nodeId: string;
      base?: jmessage.v1.LogPosition | null;
      term?: jmessage.v1.Term | null;
      policy?: jmessage.v1.Policy | null;
      schemaVersion: number;
      takenAt?: google.protobuf.Timestamp | null;
      rowsTotal: number;
    }
    export namespace BackupHeader {
      export function encode(message: BackupHeader, writer?: Writer): Writer;
      export function decode(bytes: Uint8Array): BackupHeader;
    }
    export interface BackupTerms {
      termStarts: readonly jmessage.v1.TermStart[];
    }
    export namespace BackupTerms {
      export function encode(message: BackupTerms, writer?: Writer): Writer;
      export function decode(bytes: Uint8Array): BackupTerms;
    }
    export interface BackupChunk {
      number: number;
      data: Uint8Array;
      checksum: Uint8Array;
    }
    export namespace BackupChunk {
      export function encode(message: BackupChunk, writer?: Writer): Writer;
      export function decode(bytes: Uint8Array): BackupChunk;
    }
    export interface BackupEnd {
      chunks: number;
      digest: string;
    }
    export namespace BackupEnd {
      export function encode(message: BackupEnd, writer?: Writer): Writer;
      export function decode(bytes: Uint8Array): BackupEnd;
    }
    export interface LinkRequest {
      hello?: jmessage.v1.Hello | null;
      frames: readonly jmessage.v1.Frame[];
    }
    export namespace LinkRequest {
      export function encode(message: LinkRequest, writer?: Writer): Writer;
      export function decode(bytes: Uint8Array): LinkRequest;
    }
    export interface LinkResponse {
      hello?: jmessage.v1.Hello | null;
    }
    export namespace LinkResponse {
      export function encode(message: LinkResponse, writer?: Writer): Writer;
      export function decode(bytes: Uint8Array): LinkResponse;
    }
    export interface Hello {
      nodeId: string;
      clusterId: string;
      incarnation: number;
      previousIncarnation: number;
      peerAddress: string;
      clientAddress: string;
      protocolVersion: number;
      toNodeId: string;
    }
    export namespace Hello {
      export function encode(message: Hello, writer?: Writer): Writer;
      export function decode(bytes: Uint8Array): Hello;
    }
    export interface Frame {
      ping?: jmessage.v1.Ping | null;
      pong?: jmessage.v1.Pong | null;
      append?: jmessage.v1.Append | null;
      appendReply?: jmessage.v1.AppendReply | null;
      snapshotNeeded?: jmessage.v1.SnapshotNeeded | null;
      voteRequest?: jmessage.v1.VoteRequest | null;
      voteReply?: jmessage.v1.VoteReply | null;
      transferNow?: jmessage.v1.TransferNow | null;
      memberRequest?: jmessage.v1.MemberRequest | null;
      leaveRequest?: jmessage.v1.LeaveRequest | null;
      leaveReply?: jmessage.v1.LeaveReply | null;
      askToLeave?: jmessage.v1.AskToLeave | null;
      presence?: jmessage.v1.Presence | null;
    }
    export namespace Frame {
      export function encode(message: Frame, writer?: Writer): Writer;
      export function decode(bytes: Uint8Array): Frame;
    }
    export interface Presence {
      complete: boolean;
      accounts: readonly jmessage.v1.PresenceAccount[];
      usedSessions: readonly string[];
    }
    export namespace Presence {
      export function encode(message: Presence, writer?: Writer): Writer;
      export function decode(bytes: Uint8Array): Presence;
    }
    export interface PresenceAccount {
      accountId: string;
      online: boolean;
      lastSeen?: google.protobuf.Timestamp | null;
    }
    export namespace PresenceAccount {
      export function encode(message: PresenceAccount, writer?: Writer): Writer;
      export function decode(bytes: Uint8Array): PresenceAccount;
    }
    export interface Entry {
      index: number;
      term?: jmessage.v1.Term | null;
      checksum: string;
      command?: Uint8Array | null;
      config?: jmessage.v1.Config | null;
      noop?: jmessage.v1.Noop | null;
    }
    export namespace Entry {
      export function encode(message: Entry, writer?: Writer): Writer;
      export function decode(bytes: Uint8Array): Entry;
    }
    export interface Noop {
    }
    export namespace Noop {
      export function encode(message: Noop, writer?: Writer): Writer;
      export function decode(bytes: Uint8Array): Noop;
    }
    export interface Member {
      id: string;
      peerAddress: string;
      clientAddress: string;
    }
    export namespace Member {
      export function encode(message: Member, writer?: Writer): Writer;
      export function decode(bytes: Uint8Array): Member;
    }
    export interface Mark {
      base?: jmessage.v1.LogPosition | null;
      baseVoters: readonly jmessage.v1.Member[];
      open: boolean;
      side: readonly jmessage.v1.Parting[];
    }
    export namespace Mark {
      export function encode(message: Mark, writer?: Writer): Writer;
      export function decode(bytes: Uint8Array): Mark;
    }
    export interface Parting {
      term?: jmessage.v1.Term | null;
      forced: boolean;
      size: number;
      smallest: string;
    }
    export namespace Parting {
      export function encode(message: Parting, writer?: Writer): Writer;
      export function decode(bytes: Uint8Array): Parting;
    }
    export interface Side {
      partings: readonly jmessage.v1.Parting[];
    }
    export namespace Side {
      export function encode(message: Side, writer?: Writer): Writer;
      export function decode(bytes: Uint8Array): Side;
    }
    export interface Leaver {
      id: string;
      incarnation: number;
    }
    export namespace Leaver {
      export function encode(message: Leaver, writer?: Writer): Writer;
      export function decode(bytes: Uint8Array): Leaver;
    }
    export interface Config {
      policy?: jmessage.v1.Policy | null;
      voters: readonly jmessage.v1.Member[];
      learners: readonly jmessage.v1.Member[];
      tombstones: readonly string[];
      mark?: jmessage.v1.Mark | null;
      c0Index: number;
      leavers: readonly jmessage.v1.Leaver[];
    }
    export namespace Config {
      export function encode(message: Config, writer?: Writer): Writer;
      export function decode(bytes: Uint8Array): Config;
    }
    export interface ConfigEntry {
      index: number;
      term?: jmessage.v1.Term | null;
      config?: jmessage.v1.Config | null;
    }
    export namespace ConfigEntry {
      export function encode(message: ConfigEntry, writer?: Writer): Writer;
      export function decode(bytes: Uint8Array): ConfigEntry;
    }
    export interface Base {
      position?: jmessage.v1.LogPosition | null;
      config?: jmessage.v1.ConfigEntry | null;
    }
    export namespace Base {
      export function encode(message: Base, writer?: Writer): Writer;
      export function decode(bytes: Uint8Array): Base;
    }
    export interface Ping {
      nonce: number;
      asksLease: boolean;
      leads: boolean;
      term?: jmessage.v1.Term | null;
      suspects: readonly string[];
      side?: jmessage.v1.Side | null;
      cannotFollow?: jmessage.v1.Term | null;
    }
    export namespace Ping {
      export function encode(message: Ping, writer?: Writer): Writer;
      export function decode(bytes: Uint8Array): Ping;
    }
    export interface Pong {
      nonce: number;
      promised?: jmessage.v1.Term | null;
      configIndex: number;
      configTerm?: jmessage.v1.Term | null;
      voter: boolean;
      certain: boolean;
      granted: boolean;
      leader?: jmessage.v1.Member | null;
    }
    export namespace Pong {
      export function encode(message: Pong, writer?: Writer): Writer;
      export function decode(bytes: Uint8Array): Pong;
    }
    export interface Append {
      term?: jmessage.v1.Term | null;
      prev?: jmessage.v1.LogPosition | null;
      entries: readonly jmessage.v1.Entry[];
      commitIndex: number;
      c0Index: number;
      mark?: jmessage.v1.Term | null;
    }
    export namespace Append {
      export function encode(message: Append, writer?: Writer): Writer;
      export function decode(bytes: Uint8Array): Append;
    }
    export interface AppendReply {
      term?: jmessage.v1.Term | null;
      promised?: jmessage.v1.Term | null;
      ok: boolean;
      matchIndex: number;
      applied?: jmessage.v1.LogPosition | null;
      snapshotIndex: number;
      commitIndex: number;
    }
    export namespace AppendReply {
      export function encode(message: AppendReply, writer?: Writer): Writer;
      export function decode(bytes: Uint8Array): AppendReply;
    }
    export interface SnapshotNeeded {
      term?: jmessage.v1.Term | null;
      from: string;
      baseIndex: number;
      mark?: jmessage.v1.Term | null;
      termStarts: readonly jmessage.v1.TermStart[];
    }
    export namespace SnapshotNeeded {
      export function encode(message: SnapshotNeeded, writer?: Writer): Writer;
      export function decode(bytes: Uint8Array): SnapshotNeeded;
    }
    export interface VoteRequest {
      pre: boolean;
      term?: jmessage.v1.Term | null;
      last?: jmessage.v1.LogPosition | null;
      termStarts: readonly jmessage.v1.TermStart[];
      lastResort: boolean;
      everyPreVote: boolean;
      transferTerm?: jmessage.v1.Term | null;
    }
    export namespace VoteRequest {
      export function encode(message: VoteRequest, writer?: Writer): Writer;
      export function decode(bytes: Uint8Array): VoteRequest;
    }
    export interface VoteReply {
      pre: boolean;
      term?: jmessage.v1.Term | null;
      promised?: jmessage.v1.Term | null;
      granted: boolean;
      certain: boolean;
      last?: jmessage.v1.LogPosition | null;
      tail?: jmessage.v1.Tail | null;
      meeting: boolean;
      mark?: jmessage.v1.Term | null;
      committed?: jmessage.v1.EntryId | null;
    }
    export namespace VoteReply {
      export function encode(message: VoteReply, writer?: Writer): Writer;
      export function decode(bytes: Uint8Array): VoteReply;
    }
    export interface Tail {
      prev?: jmessage.v1.LogPosition | null;
      entries: readonly jmessage.v1.Entry[];
    }
    export namespace Tail {
      export function encode(message: Tail, writer?: Writer): Writer;
      export function decode(bytes: Uint8Array): Tail;
    }
    export interface TransferNow {
      term?: jmessage.v1.Term | null;
    }
    export namespace TransferNow {
      export function encode(message: TransferNow, writer?: Writer): Writer;
      export function decode(bytes: Uint8Array): TransferNow;
    }
    export interface MemberRequest {
      member?: jmessage.v1.Member | null;
    }
    export namespace MemberRequest {
      export function encode(message: MemberRequest, writer?: Writer): Writer;
      export function decode(bytes: Uint8Array): MemberRequest;
    }
    export interface LeaveRequest {
      configIndex: number;
      term?: jmessage.v1.Term | null;
    }
    export namespace LeaveRequest {
      export function encode(message: LeaveRequest, writer?: Writer): Writer;
      export function decode(bytes: Uint8Array): LeaveRequest;
    }
    export interface LeaveReply {
      config?: jmessage.v1.ConfigEntry | null;
    }
    export namespace LeaveReply {
      export function encode(message: LeaveReply, writer?: Writer): Writer;
      export function decode(bytes: Uint8Array): LeaveReply;
    }
    export interface AskToLeave {
      term?: jmessage.v1.Term | null;
    }
    export namespace AskToLeave {
      export function encode(message: AskToLeave, writer?: Writer): Writer;
      export function decode(bytes: Uint8Array): AskToLeave;
    }
    export interface JoinRequest {
      clusterId: string;
      member?: jmessage.v1.Member | null;
    }
    export namespace JoinRequest {
      export function encode(message: JoinRequest, writer?: Writer): Writer;
      export function decode(bytes: Uint8Array): JoinRequest;
    }
    export interface JoinResponse {
      clusterId: string;
      accepted?: jmessage.v1.JoinAccepted | null;
      notLeader?: jmessage.v1.JoinNotLeader | null;
      refused?: jmessage.v1.JoinRefused | null;
    }
    export namespace JoinResponse {
      export function encode(message: JoinResponse, writer?: Writer): Writer;
      export function decode(bytes: Uint8Array): JoinResponse;
    }
    export interface JoinAccepted {
    }
    export namespace JoinAccepted {
      export function encode(message: JoinAccepted, writer?: Writer): Writer;
      export function decode(bytes: Uint8Array): JoinAccepted;
    }
    export interface JoinNotLeader {
      leaderPeerAddress: string;
    }
    export namespace JoinNotLeader {
      export function encode(message: JoinNotLeader, writer?: Writer): Writer;
      export function decode(bytes: Uint8Array): JoinNotLeader;
    }
    export interface JoinRefused {
      reason: string;
      message: string;
    }
    export namespace JoinRefused {
      export function encode(message: JoinRefused, writer?: Writer): Writer;
      export function decode(bytes: Uint8Array): JoinRefused;
    }
    export interface ProbeRequest {
    }
    export namespace ProbeRequest {
      export function encode(message: ProbeRequest, writer?: Writer): Writer;
      export function decode(bytes: Uint8Array): ProbeRequest;
    }
    export interface ProbeResponse {
      clusterId: string;
      nodeId: string;
      leaderId: string;
      leaderPeerAddress: string;
      term?: jmessage.v1.Term | null;
      policy?: jmessage.v1.Policy | null;
    }
    export namespace ProbeResponse {
      export function encode(message: ProbeResponse, writer?: Writer): Writer;
      export function decode(bytes: Uint8Array): ProbeResponse;
    }
    export interface HandOverRequest {
      clusterId: string;
      nodeId: string;
      termStarts: readonly jmessage.v1.TermStart[];
      lastIndex: number;
      commands: readonly Uint8Array[];
      requestIds: readonly string[];
    }
    export namespace HandOverRequest {
      export function encode(message: HandOverRequest, writer?: Writer): Writer;
      export function decode(bytes: Uint8Array): HandOverRequest;
    }
    export interface HandOverResponse {
      commonIndex: number;
      unknown: number;
    }
    export namespace HandOverResponse {
      export function encode(message: HandOverResponse, writer?: Writer): Writer;
      export function decode(bytes: Uint8Array): HandOverResponse;
    }
    export interface FetchSnapshotRequest {
      clusterId: string;
      nodeId: string;
      index: number;
      firstChunk: number;
    }
    export namespace FetchSnapshotRequest {
      export function encode(message: FetchSnapshotRequest, writer?: Writer): Writer;
      export function decode(bytes: Uint8Array): FetchSnapshotRequest;
    }
    export interface FetchSnapshotResponse {
      header?: jmessage.v1.SnapshotHeader | null;
      chunk?: jmessage.v1.SnapshotChunk | null;
      end?: jmessage.v1.SnapshotEnd | null;
    }
    export namespace FetchSnapshotResponse {
      export function encode(message: FetchSnapshotResponse, writer?: Writer): Writer;
      export function decode(bytes: Uint8Array): FetchSnapshotResponse;
    }
    export interface SnapshotHeader {
      base?: jmessage.v1.Base | null;
      termStarts: readonly jmessage.v1.TermStart[];
      rowsTotal: number;
    }
    export namespace SnapshotHeader {
      export function encode(message: SnapshotHeader, writer?: Writer): Writer;
      export function decode(bytes: Uint8Array): SnapshotHeader;
    }
    export interface SnapshotChunk {
      number: number;
      data: Uint8Array;
      checksum: Uint8Array;
    }
    export namespace SnapshotChunk {
      export function encode(message: SnapshotChunk, writer?: Writer): Writer;
      export function decode(bytes: Uint8Array): SnapshotChunk;
    }
    export interface SnapshotEnd {
      chunks: number;
      digest: string;
    }
    export namespace SnapshotEnd {
      export function encode(message: SnapshotEnd, writer?: Writer): Writer;
      export function decode(bytes: Uint8Array): SnapshotEnd;
    }
  }
}

export namespace google {
  export namespace protobuf {
    export interface Timestamp {
      seconds: number;
      nanos: number;
    }
    export namespace Timestamp {
      export function encode(message: Timestamp, writer?: Writer): Writer;
      export function decode(bytes: Uint8Array): Timestamp;
    }
  }
}

export namespace grpc {
  export namespace health {
    export namespace v1 {
      export interface HealthCheckRequest {
        service: string;
      }
      export namespace HealthCheckRequest {
        export function encode(message: HealthCheckRequest, writer?: Writer): Writer;
        export function decode(bytes: Uint8Array): HealthCheckRequest;
      }
      export interface HealthCheckResponse {
        status: grpc.health.v1.HealthCheckResponse.ServingStatus;
      }
      export namespace HealthCheckResponse {
        export function encode(message: HealthCheckResponse, writer?: Writer): Writer;
        export function decode(bytes: Uint8Array): HealthCheckResponse;
        export type ServingStatus = number;
        export const ServingStatus: {
          readonly UNKNOWN: 0;
          readonly SERVING: 1;
          readonly NOT_SERVING: 2;
          readonly SERVICE_UNKNOWN: 3;
        };
      }
    }
  }
}

import v1 = jmessage.v1;
export { v1 };
