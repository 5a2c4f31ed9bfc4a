// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {StakeVault} from "../../src/StakeVault.sol";
import {Member} from "../../src/libraries/Stakes.sol";
import {TypedData} from "../../src/libraries/TypedData.sol";
import {VM} from "./Vm.sol";

/// @notice Owners who stake, top up, leave and withdraw in any order. Keeps its own books to compare with.
contract StakeHandler {
    StakeVault private immutable VAULT;
    uint256 public constant NODES = 5;

    /// What came in and what went out, in wei.
    uint256 public stakedWei;
    uint256 public withdrawnWei;
    /// How often each thing happened, so that a run that did nothing is seen.
    uint256 public stakes;
    uint256 public withdrawals;

    address[] private _nodes;

    constructor(StakeVault vault) {
        VAULT = vault;
        for (uint256 i = 0; i < NODES; i++) {
            _nodes.push(VM.addr(2000 + i));
        }
    }

    receive() external payable {}

    function node(uint256 index) public view returns (address) {
        return _nodes[index];
    }

    function stake(uint256 seed, uint256 roles, uint96 extraWei) external {
        uint256 index = seed % NODES;
        Member memory known = VAULT.member(node(index));
        if (known.owner != address(0)) return;
        roles = 1 + roles % 7;
        uint256 amountWei = VAULT.minimumStakeWei() + extraWei;
        bytes memory consent = _consent(index, roles, known.nonce);
        VM.deal(address(this), amountWei);
        VAULT.stake{value: amountWei}(node(index), roles, consent);
        stakedWei += amountWei;
        stakes++;
    }

    function topUp(uint256 seed, uint96 amountWei) external {
        Member memory known = VAULT.member(node(seed % NODES));
        if (known.owner == address(0) || known.exitAt != 0) return;
        VM.deal(address(this), amountWei);
        VAULT.topUp{value: amountWei}(node(seed % NODES));
        stakedWei += amountWei;
    }

    function requestExit(uint256 seed) external {
        Member memory known = VAULT.member(node(seed % NODES));
        if (known.owner == address(0) || known.exitAt != 0) return;
        VAULT.requestExit(node(seed % NODES));
    }

    /// @dev Tried at any time; what it pays is noted, whether it ought to or not.
    function withdraw(uint256 seed) external {
        uint256 beforeWei = address(this).balance;
        try VAULT.withdraw(node(seed % NODES)) {
            withdrawnWei += address(this).balance - beforeWei;
            withdrawals++;
        } catch {}
    }

    function passTime(uint16 seconds_) external {
        VM.warp(block.timestamp + seconds_);
    }

    function _consent(uint256 index, uint256 roles, uint256 nonce) private view returns (bytes memory) {
        bytes32 hash = TypedData.hashNodeConsent(node(index), address(this), roles, nonce);
        (, string memory name, string memory version, uint256 chainId, address verifier,,) = VAULT.eip712Domain();
        bytes32 separator = keccak256(
            abi.encode(
                keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"),
                keccak256(bytes(name)),
                keccak256(bytes(version)),
                chainId,
                verifier
            )
        );
        (uint8 v, bytes32 r, bytes32 s) = VM.sign(2000 + index, keccak256(abi.encodePacked(hex"1901", separator, hash)));
        return abi.encodePacked(r, s, v);
    }
}
