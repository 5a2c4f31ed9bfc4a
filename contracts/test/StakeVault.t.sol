// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {StakeVault} from "../src/StakeVault.sol";
import {Member, Stakes} from "../src/libraries/Stakes.sol";
import {Base} from "./support/Base.sol";
import {VM} from "./support/Vm.sol";

contract StakeVaultTest is Base {
    uint256 private constant NODE_KEY = 77;
    address private immutable NODE = VM.addr(NODE_KEY);

    function setUp() public {
        deploySystem();
        VM.deal(address(this), 1000 ether);
    }

    function test_stakesForANodeThatIsWilling() public {
        stakeFor(NODE_KEY, 6, 3 ether);
        Member memory known = vault.member(NODE);
        require(known.owner == address(this), "owner");
        equal(known.roles, 6, "roles");
        equal(known.stakeWei, 3 ether, "stake");
        equal(vault.validatorsStakeWei(), 3 ether, "validators");
    }

    function test_refusesAConsentForAnotherOwner() public {
        bytes memory given = consent(NODE_KEY, address(0xA11CE), 1, 0);
        VM.expectPartialRevert(StakeVault.BadConsent.selector);
        vault.stake{value: 1 ether}(NODE, 1, given);
    }

    function test_refusesAConsentToOtherRoles() public {
        bytes memory given = consent(NODE_KEY, address(this), 1, 0);
        VM.expectPartialRevert(StakeVault.BadConsent.selector);
        vault.stake{value: 1 ether}(NODE, 2, given);
    }

    function test_refusesAConsentFromAnotherChain() public {
        bytes memory given = consent(NODE_KEY, address(this), 1, 0);
        VM.chainId(block.chainid + 1);
        VM.expectPartialRevert(StakeVault.BadConsent.selector);
        vault.stake{value: 1 ether}(NODE, 1, given);
    }

    function test_refusesMalformedSignatures() public {
        bytes[] memory bad = new bytes[](4);
        bad[1] = new bytes(65);
        bad[2] = new bytes(64);
        bad[3] = withHighS(consent(NODE_KEY, address(this), 1, 0));
        for (uint256 i = 0; i < bad.length; i++) {
            VM.expectPartialRevert(StakeVault.BadConsent.selector);
            vault.stake{value: 1 ether}(NODE, 1, bad[i]);
        }
        // The zero address is nobody's: a signature that recovers to nothing must not count as its own.
        VM.expectPartialRevert(StakeVault.BadConsent.selector);
        vault.stake{value: 1 ether}(address(0), 1, new bytes(65));
    }

    function test_usesAConsentOnce() public {
        bytes memory first = consent(NODE_KEY, address(this), 1, 0);
        vault.stake{value: 1 ether}(NODE, 1, first);
        _leave();
        VM.expectPartialRevert(StakeVault.BadConsent.selector);
        vault.stake{value: 1 ether}(NODE, 1, first);
        vault.stake{value: 1 ether}(NODE, 1, consent(NODE_KEY, address(this), 1, 1));
    }

    function testFuzz_refusesUnknownRoles(uint256 roles) public {
        if (roles >= 1 && roles <= 7) return;
        bytes memory given = consent(NODE_KEY, address(this), roles, 0);
        VM.expectRevert(abi.encodeWithSelector(Stakes.BadRoles.selector, roles));
        vault.stake{value: 1 ether}(NODE, roles, given);
    }

    function test_refusesLessThanTheMinimum() public {
        bytes memory given = consent(NODE_KEY, address(this), 1, 0);
        VM.expectRevert(abi.encodeWithSelector(Stakes.StakeTooSmall.selector, 1 ether - 1, 1 ether));
        vault.stake{value: 1 ether - 1}(NODE, 1, given);
    }

    function test_refusesASecondStakeForANode() public {
        stakeFor(NODE_KEY, 1, 1 ether);
        bytes memory given = consent(NODE_KEY, address(0xA11CE), 1, 1);
        VM.deal(address(0xA11CE), 1 ether);
        VM.prank(address(0xA11CE));
        VM.expectRevert(abi.encodeWithSelector(Stakes.AlreadyStaked.selector, NODE, address(this)));
        vault.stake{value: 1 ether}(NODE, 1, given);
    }

    function test_letsOnlyTheOwnerAct() public {
        stakeFor(NODE_KEY, 1, 1 ether);
        bytes memory refusal = abi.encodeWithSelector(Stakes.NotOwner.selector, NODE, NODE);
        VM.deal(NODE, 1 ether);
        VM.prank(NODE);
        VM.expectRevert(refusal);
        vault.topUp{value: 1 ether}(NODE);
        VM.prank(NODE);
        VM.expectRevert(refusal);
        vault.requestExit(NODE);
        VM.prank(NODE);
        VM.expectRevert(refusal);
        vault.withdraw(NODE);
        VM.expectRevert(abi.encodeWithSelector(Stakes.NotStaked.selector, address(1)));
        vault.requestExit(address(1));
    }

    function test_countsAnExitingValidatorNoLonger() public {
        stakeFor(NODE_KEY, VALIDATOR, 2 ether);
        vault.topUp{value: 1 ether}(NODE);
        equal(vault.validatorsStakeWei(), 3 ether, "before");
        vault.requestExit(NODE);
        equal(vault.validatorsStakeWei(), 0, "after");
        address[] memory nodes = new address[](1);
        nodes[0] = NODE;
        VM.expectRevert(abi.encodeWithSelector(Stakes.NotActiveValidator.selector, NODE));
        vault.stakeOfValidatorsWei(nodes);
        uint64 exitAt = uint64(block.timestamp) + EXIT_DELAY;
        VM.expectRevert(abi.encodeWithSelector(Stakes.AlreadyExiting.selector, NODE, exitAt));
        vault.topUp{value: 1 ether}(NODE);
        VM.expectRevert(abi.encodeWithSelector(Stakes.AlreadyExiting.selector, NODE, exitAt));
        vault.requestExit(NODE);
    }

    function test_paysTheStakeBackAfterTheDelay() public {
        stakeFor(NODE_KEY, 7, 2 ether);
        VM.expectRevert(abi.encodeWithSelector(Stakes.StakeLocked.selector, NODE, 0));
        vault.withdraw(NODE);
        vault.requestExit(NODE);
        uint64 exitAt = uint64(block.timestamp) + EXIT_DELAY;
        VM.warp(exitAt - 1);
        VM.expectRevert(abi.encodeWithSelector(Stakes.StakeLocked.selector, NODE, exitAt));
        vault.withdraw(NODE);
        VM.warp(exitAt);
        uint256 beforeWei = address(this).balance;
        vault.withdraw(NODE);
        equal(address(this).balance - beforeWei, 2 ether, "paid");
        VM.expectRevert(abi.encodeWithSelector(Stakes.NotStaked.selector, NODE));
        vault.withdraw(NODE);
    }

    function test_paysOnceWhenTheOwnerCallsBack() public {
        stakeFor(NODE_KEY, 1, 5 ether);
        GreedyOwner greedy = new GreedyOwner(vault);
        VM.deal(address(greedy), 1 ether);
        greedy.stake(VM.addr(78), consent(78, address(greedy), 1, 0));
        VM.warp(block.timestamp + EXIT_DELAY);
        greedy.withdraw();
        equal(address(greedy).balance, 1 ether, "taken");
        equal(address(vault).balance, 5 ether, "left");
    }

    function test_takesNoMoneyOutsideItsFunctions() public {
        (bool taken,) = address(vault).call{value: 1 ether}("");
        require(!taken, "the vault took money it will not give back");
    }

    function _leave() private {
        vault.requestExit(NODE);
        VM.warp(block.timestamp + EXIT_DELAY);
        vault.withdraw(NODE);
    }
}

/// @notice Withdraws again while it is being paid.
contract GreedyOwner {
    StakeVault private immutable VAULT;
    address private _node;

    constructor(StakeVault vault) {
        VAULT = vault;
    }

    function stake(address node, bytes calldata consent) external {
        _node = node;
        VAULT.stake{value: 1 ether}(node, 1, consent);
        VAULT.requestExit(node);
    }

    function withdraw() external {
        VAULT.withdraw(_node);
    }

    receive() external payable {
        try VAULT.withdraw(_node) {} catch {}
    }
}
