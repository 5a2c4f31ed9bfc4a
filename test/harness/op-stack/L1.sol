// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {TrieProof} from "@openzeppelin/contracts/utils/cryptography/TrieProof.sol";

struct Withdrawal {
    uint256 nonce;
    address sender;
    address target;
    uint256 value;
    uint256 gasLimit;
    bytes data;
}

struct OutputRootProof {
    bytes32 version;
    bytes32 stateRoot;
    bytes32 messagePasserStorageRoot;
    bytes32 latestBlockhash;
}

struct FoundGame {
    uint256 index;
    bytes32 metadata;
    uint64 timestamp;
    bytes32 rootClaim;
    bytes extraData;
}

/// @notice Stands for a dispute game that nobody disputes: after its time the claim stands.
contract Game {
    bytes32 public immutable rootClaim;
    uint256 public immutable l2SequenceNumber;
    uint64 public immutable createdAt;

    constructor(bytes32 claim, uint256 number) {
        rootClaim = claim;
        l2SequenceNumber = number;
        createdAt = uint64(block.timestamp);
    }
}

/// @notice Stands for the DisputeGameFactory, with games of one type. Whoever asks may create one.
contract GameFactory {
    Game[] internal games;

    function create(uint32, bytes32 rootClaim, bytes calldata extraData) external payable returns (address proxy) {
        games.push(new Game(rootClaim, abi.decode(extraData, (uint256))));
        return address(games[games.length - 1]);
    }

    function gameCount() external view returns (uint256) {
        return games.length;
    }

    function gameAtIndex(uint256 index) external view returns (uint32, uint64, Game) {
        return (0, games[index].createdAt(), games[index]);
    }

    function findLatestGames(uint32, uint256 start, uint256 limit) external view returns (FoundGame[] memory found) {
        uint256 count = limit < games.length ? limit : games.length;
        found = new FoundGame[](count);
        for (uint256 i = 0; i < count; i++) {
            Game game = games[start - i];
            bytes32 metadata = bytes32((uint256(game.createdAt()) << 160) | uint160(address(game)));
            bytes memory extraData = abi.encode(game.l2SequenceNumber());
            found[i] = FoundGame(start - i, metadata, game.createdAt(), game.rootClaim(), extraData);
        }
    }
}

/// @notice Stands for the OptimismPortal. Deposits and the proof of a withdrawal are checked as there; what it leaves out:
/// pausing, the price of L2 gas, the registry of anchor states, and the dispute itself.
contract Portal {
    event TransactionDeposited(address indexed from, address indexed to, uint256 indexed version, bytes opaqueData);
    event WithdrawalProven(bytes32 indexed withdrawalHash, address indexed from, address indexed to);
    event WithdrawalProvenExtension1(bytes32 indexed withdrawalHash, address indexed proofSubmitter);
    event WithdrawalFinalized(bytes32 indexed withdrawalHash, bool success);

    error OptimismPortal_AlreadyFinalized();
    error OptimismPortal_BadTarget();
    error OptimismPortal_GasLimitTooLow();
    error OptimismPortal_InvalidMerkleProof();
    error OptimismPortal_InvalidOutputRootProof();
    error OptimismPortal_NotAllowedOnCGTMode();
    error OptimismPortal_ProofNotOldEnough();
    error OptimismPortal_Unproven();

    struct Proven {
        Game game;
        uint64 timestamp;
    }

    address internal constant NOBODY = 0x000000000000000000000000000000000000dEaD;

    string public constant version = "5.0.0";
    uint32 public constant respectedGameType = 0;
    GameFactory public immutable disputeGameFactory;
    uint256 public immutable proofMaturityDelaySeconds;
    bool public immutable isCustomGasToken;

    address public l2Sender = NOBODY;
    mapping(bytes32 => bool) public finalizedWithdrawals;
    mapping(bytes32 => mapping(address => Proven)) public provenWithdrawals;
    mapping(bytes32 => address[]) public proofSubmitters;

    constructor(GameFactory factory, uint256 delaySeconds, bool customGasToken) {
        disputeGameFactory = factory;
        proofMaturityDelaySeconds = delaySeconds;
        isCustomGasToken = customGasToken;
    }

    function depositTransaction(address to, uint256 value, uint64 gasLimit, bool isCreation, bytes memory data)
        external
        payable
    {
        if (isCustomGasToken && msg.value > 0) revert OptimismPortal_NotAllowedOnCGTMode();
        if (isCreation && to != address(0)) revert OptimismPortal_BadTarget();
        if (gasLimit < data.length * 40 + 21000) revert OptimismPortal_GasLimitTooLow();
        address from = msg.sender;
        if (from != tx.origin) {
            unchecked {
                from = address(uint160(from) + uint160(0x1111000000000000000000000000000000001111));
            }
        }
        bytes memory opaqueData = abi.encodePacked(msg.value, value, gasLimit, isCreation, data);
        emit TransactionDeposited(from, to, 0, opaqueData);
    }

    function numProofSubmitters(bytes32 withdrawalHash) external view returns (uint256) {
        return proofSubmitters[withdrawalHash].length;
    }

    function proveWithdrawalTransaction(
        Withdrawal memory withdrawal,
        uint256 gameIndex,
        OutputRootProof calldata root,
        bytes[] memory proof
    ) external {
        if (withdrawal.target == address(this)) revert OptimismPortal_BadTarget();
        (,, Game game) = disputeGameFactory.gameAtIndex(gameIndex);
        bytes32 outputRoot =
            keccak256(abi.encode(root.version, root.stateRoot, root.messagePasserStorageRoot, root.latestBlockhash));
        if (outputRoot != game.rootClaim()) revert OptimismPortal_InvalidOutputRootProof();
        bytes32 hash = hashOf(withdrawal);
        // The message passer's `sentMessages`, a mapping at slot 0; 0x01 is `true` in RLP.
        bytes memory key = abi.encodePacked(keccak256(abi.encode(keccak256(abi.encode(hash, uint256(0))))));
        if (!TrieProof.verify(hex"01", root.messagePasserStorageRoot, key, proof)) {
            revert OptimismPortal_InvalidMerkleProof();
        }
        provenWithdrawals[hash][msg.sender] = Proven(game, uint64(block.timestamp));
        proofSubmitters[hash].push(msg.sender);
        emit WithdrawalProven(hash, withdrawal.sender, withdrawal.target);
        emit WithdrawalProvenExtension1(hash, msg.sender);
    }

    function checkWithdrawal(bytes32 hash, address submitter) public view {
        if (finalizedWithdrawals[hash]) revert OptimismPortal_AlreadyFinalized();
        Proven memory proven = provenWithdrawals[hash][submitter];
        if (proven.timestamp == 0) revert OptimismPortal_Unproven();
        if (block.timestamp - proven.timestamp <= proofMaturityDelaySeconds) revert OptimismPortal_ProofNotOldEnough();
    }

    function finalizeWithdrawalTransaction(Withdrawal memory withdrawal) external {
        finalizeWithdrawalTransactionExternalProof(withdrawal, msg.sender);
    }

    function finalizeWithdrawalTransactionExternalProof(Withdrawal memory withdrawal, address submitter) public {
        bytes32 hash = hashOf(withdrawal);
        checkWithdrawal(hash, submitter);
        finalizedWithdrawals[hash] = true;
        l2Sender = withdrawal.sender;
        (bool success,) = withdrawal.target.call{value: withdrawal.value, gas: withdrawal.gasLimit}(withdrawal.data);
        l2Sender = NOBODY;
        emit WithdrawalFinalized(hash, success);
    }

    /// @dev viem asks it for the state of a game whose proof is not old enough; here the portal is its own registry.
    function anchorStateRegistry() external view returns (address) {
        return address(this);
    }

    function isGameProper(address) external pure returns (bool) {
        return true;
    }

    function isGameRespected(address) external pure returns (bool) {
        return true;
    }

    function isGameFinalized(Game game) external view returns (bool) {
        return block.timestamp - game.createdAt() > proofMaturityDelaySeconds;
    }

    function hashOf(Withdrawal memory w) internal pure returns (bytes32) {
        return keccak256(abi.encode(w.nonce, w.sender, w.target, w.value, w.gasLimit, w.data));
    }
}

/// @notice On either chain: notes who called with what.
contract Letterbox {
    bytes public letter;
    address public sender;

    /// @param portal Whom to ask who wrote on the other chain; the zero address where the caller did.
    function drop(Portal portal, bytes calldata text) external payable {
        letter = text;
        sender = address(portal) == address(0) ? msg.sender : portal.l2Sender();
    }
}
